// Send to multiple recipients (max 50)
const response = await env.EMAIL.send({
  to: ["user1@example.com", "user2@example.com", "user3@example.com"],
  from: { email: "newsletter@yourdomain.com", name: "Newsletter Team" },
  subject: "Monthly Newsletter",
  html: "<h1>This month's updates</h1>",
  text: "This month's updates",
});
