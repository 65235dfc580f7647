const response = await env.EMAIL.send({
  to: "user@example.com",
  from: "marketing@yourdomain.com",
  subject: "Check out our new product!",
  html: `
    <h1>New Product Launch</h1>
    <img src="cid:product-image" alt="New Product" />
    <p>Check out our amazing new product!</p>
  `,
  attachments: [
    {
      content: "iVBORw0KGgoAAAANSUhEUgAA...", // Base64 image content
      filename: "product.png",
      type: "image/png",
      disposition: "inline",
      contentId: "product-image",
    },
  ],
});
