const response = await env.EMAIL.send({
  to: "customer@example.com",
  from: "invoices@yourdomain.com",
  subject: "Your Invoice",
  html: "<h1>Invoice attached</h1><p>Please find your invoice attached.</p>",
  attachments: [
    {
      content: "JVBERi0xLjQKJeLjz9MKMSAwIG9iag...", // Base64 PDF content
      filename: "invoice-12345.pdf",
      type: "application/pdf",
      disposition: "attachment",
    },
  ],
});
