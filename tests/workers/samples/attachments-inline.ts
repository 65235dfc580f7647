async function sendReportWithImages(
  request: Request,
  env: Env,
): Promise<Response> {
  const { recipientEmail, reportData } = await request.json();
  // Generate chart and logo images (base64 encoded)
  const chartImage = generateChartImage(reportData);
  const logoImage = getCompanyLogo();
  await env.EMAIL.send({
    to: recipientEmail,
    from: `reports@${env.DOMAIN}`,
    subject: `${reportData.title} - ${reportData.period}`,
    html: `
      <div style="font-family: Arial, sans-serif; max-width: 600px; margin: 0 auto;">
        <!-- Company Logo (inline) -->
        <div style="text-align: center; margin-bottom: 30px;">
          <img src="cid:company-logo" alt="Company Logo" style="width: 200px; height: auto;">
        </div>
        <h1 style="color: #2563eb;">${reportData.title}</h1>
        <p style="color: #666;">Period: ${reportData.period}</p>
        <h2>Key Metrics</h2>
        <div style="background: #f8f9fa; padding: 20px; border-radius: 8px; margin: 20px 0;">
          <p><strong>Revenue:</strong> $${reportData.metrics.revenue.toLocaleString()}</p>
          <p><strong>New Users:</strong> ${reportData.metrics.users.toLocaleString()}</p>
          <p><strong>Growth Rate:</strong> ${reportData.metrics.growth}%</p>
        </div>
        <h2>Performance Chart</h2>
        <!-- Inline chart image -->
        <div style="text-align: center; margin: 20px 0;">
          <img src="cid:performance-chart" alt="Performance Chart"
               style="max-width: 100%; height: auto; border: 1px solid #ddd; border-radius: 4px;">
        </div>
        <p>For detailed analysis, please contact our team.</p>
      </div>
    `,
    attachments: [
      {
        filename: "company-logo.png",
        content: logoImage,
        contentType: "image/png",
        disposition: "inline",
        contentId: "company-logo",
      },
      {
        filename: "performance-chart.png",
        content: chartImage,
        contentType: "image/png",
        disposition: "inline",
        contentId: "performance-chart",
      },
    ],
  });
  return new Response(
    JSON.stringify({ success: true, message: "Report sent" }),
  );
}
function generateChartImage(reportData: any): string {
  // Generate simple SVG chart (in practice, use a chart library)
  const chartSVG = `
    <svg width="400" height="200" xmlns="http://www.w3.org/2000/svg">
      <rect width="400" height="200" fill="#f8f9fa" stroke="#dee2e6"/>
      <rect x="50" y="150" width="30" height="${Math.max(10, reportData.metrics.growth * 2)}" fill="#2563eb"/>
      <rect x="100" y="120" width="30" height="50" fill="#28a745"/>
      <rect x="150" y="100" width="30" height="70" fill="#ffc107"/>
      <rect x="200" y="80" width="30" height="90" fill="#dc3545"/>
      <text x="200" y="30" text-anchor="middle" font-family="Arial" font-size="16">Performance Chart</text>
    </svg>
  `;
  return btoa(chartSVG);
}
function getCompanyLogo(): string {
  // Simple SVG logo
  const logoSVG = `
    <svg width="200" height="60" xmlns="http://www.w3.org/2000/svg">
      <rect width="200" height="60" fill="#2563eb" rx="8"/>
      <text x="100" y="35" text-anchor="middle" font-family="Arial"
            font-size="24" font-weight="bold" fill="white">Company</text>
    </svg>
  `;
  return btoa(logoSVG);
}
