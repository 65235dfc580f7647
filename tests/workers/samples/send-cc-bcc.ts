const response = await env.EMAIL.send({
  to: "customer@example.com",
  cc: ["manager@company.com"],
  bcc: ["archive@company.com"],
  from: "orders@yourdomain.com",
  replyTo: "support@yourdomain.com",
  subject: "Order Confirmation #12345",
  html: "<h1>Your order is confirmed</h1>",
  text: "Your order is confirmed",
});
