async function sendInvoiceWithPDF(
  request: Request,
  env: Env,
): Promise<Response> {
  const { customerEmail, invoiceData } = await request.json();
  // Generate PDF content
  const pdfContent = generateInvoicePDF(invoiceData);
  const pdfBase64 = btoa(pdfContent);
  await env.EMAIL.send({
    to: customerEmail,
    from: `billing@${env.DOMAIN}`,
    subject: `Invoice #${invoiceData.number}`,
    html: `
      <div style="font-family: Arial, sans-serif; max-width: 600px; margin: 0 auto;">
        <h1>Invoice #${invoiceData.number}</h1>
        <p>Dear ${invoiceData.customerName},</p>
        <div style="background: #f8f9fa; padding: 20px; border-radius: 8px; margin: 20px 0;">
          <h3>Invoice Details</h3>
          <p><strong>Invoice Number:</strong> ${invoiceData.number}</p>
          <p><strong>Date:</strong> ${new Date(invoiceData.date).toLocaleDateString()}</p>
          <p><strong>Amount Due:</strong> $${invoiceData.total}</p>
          <p><strong>Due Date:</strong> ${new Date(invoiceData.dueDate).toLocaleDateString()}</p>
        </div>
        <p>Please find your invoice attached. Payment is due within 30 days.</p>
        <p>Thank you for your business!</p>
      </div>
    `,
    attachments: [
      {
        filename: `invoice-${invoiceData.number}.pdf`,
        content: pdfBase64,
        contentType: "application/pdf",
        disposition: "attachment",
      },
    ],
  });
  return new Response(
    JSON.stringify({ success: true, message: "Invoice sent" }),
  );
}
function generateInvoicePDF(invoiceData: any): string {
  // Simple PDF generation (in practice, use a proper PDF library)
  const pdfContent = `%PDF-1.4
1 0 obj<< /Type /Catalog /Pages 2 0 R >>endobj
2 0 obj<< /Type /Pages /Kids [3 0 R] /Count 1 >>endobj
3 0 obj<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R >>endobj
4 0 obj<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>endobj
5 0 obj<< /Length 200 >>stream
BT
/F1 24 Tf
50 700 Td
(INVOICE #${invoiceData.number}) Tj
0 -50 Td
/F1 12 Tf
(Customer: ${invoiceData.customerName}) Tj
0 -20 Td
(Date: ${new Date(invoiceData.date).toLocaleDateString()}) Tj
0 -20 Td
(Amount: $${invoiceData.total}) Tj
ET
endstream
endobj
xref
0 6
0000000000 65535 f
0000000010 00000 n
0000000053 00000 n
0000000100 00000 n
0000000200 00000 n
0000000300 00000 n
trailer<< /Size 6 /Root 1 0 R >>
startxref
400
%%EOF`;
  return pdfContent;
}
