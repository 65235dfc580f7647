async function sendEmailWithUpload(
  request: Request,
  env: Env,
): Promise<Response> {
  const formData = await request.formData();
  const file = formData.get("file") as File;
  const recipientEmail = formData.get("email") as string;
  const message = formData.get("message") as string;
  const senderName = (formData.get("senderName") as string) || "Someone";
  if (!file || !recipientEmail) {
    return new Response(
      JSON.stringify({
        error: "Missing required fields: file and email",
      }),
      { status: 400 },
    );
  }
  // Validate file
  const validation = validateFile(file);
  if (!validation.valid) {
    return new Response(
      JSON.stringify({
        error: validation.error,
      }),
      { status: 400 },
    );
  }
  // Convert file to base64
  const fileBuffer = await file.arrayBuffer();
  const fileBase64 = btoa(String.fromCharCode(...new Uint8Array(fileBuffer)));
  await env.EMAIL.send({
    to: recipientEmail,
    from: `uploads@${env.DOMAIN}`,
    subject: `File shared: ${file.name}`,
    html: `
      <div style="font-family: Arial, sans-serif; max-width: 600px; margin: 0 auto;">
        <h1 style="color: #2563eb;">📎 File Shared</h1>
        <div style="background: #f8f9fa; padding: 20px; border-radius: 8px; margin: 20px 0;">
          <p><strong>${senderName}</strong> has shared a file with you.</p>
          ${message ? `<p><em>"${message}"</em></p>` : ""}
        </div>
        <div style="border: 1px solid #dee2e6; border-radius: 8px; padding: 20px; margin: 20px 0;">
          <h3 style="margin: 0 0 15px 0;">File Details</h3>
          <p><strong>Filename:</strong> ${file.name}</p>
          <p><strong>Size:</strong> ${formatFileSize(file.size)}</p>
          <p><strong>Type:</strong> ${getFileTypeDescription(file.type)}</p>
        </div>
        <p>The file is attached to this email for download.</p>
        <div style="background: #fff3cd; border: 1px solid #ffeaa7; padding: 15px; border-radius: 4px;">
          <p style="margin: 0; color: #856404;">
            <strong>⚠️ Security Notice:</strong> Always verify the source before opening attachments.
          </p>
        </div>
      </div>
    `,
    attachments: [
      {
        filename: file.name,
        content: fileBase64,
        contentType: file.type,
        disposition: "attachment",
      },
    ],
  });
  return new Response(
    JSON.stringify({
      success: true,
      message: `File ${file.name} sent to ${recipientEmail}`,
    }),
  );
}
function validateFile(file: File): { valid: boolean; error?: string } {
  const maxSize = 25 * 1024 * 1024; // 25MB limit
  const allowedTypes = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "application/pdf",
    "text/plain",
    "text/csv",
    "application/msword",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/zip",
  ];
  if (file.size === 0) {
    return { valid: false, error: "File is empty" };
  }
  if (file.size > maxSize) {
    return {
      valid: false,
      error: `File too large (max ${formatFileSize(maxSize)})`,
    };
  }
  if (!allowedTypes.includes(file.type)) {
    return { valid: false, error: "File type not allowed" };
  }
  // Check for dangerous extensions
  const dangerousExtensions = [".exe", ".bat", ".cmd", ".scr", ".vbs", ".js"];
  const fileName = file.name.toLowerCase();
  if (dangerousExtensions.some((ext) => fileName.endsWith(ext))) {
    return {
      valid: false,
      error: "File extension not allowed for security reasons",
    };
  }
  return { valid: true };
}
function formatFileSize(bytes: number): string {
  if (bytes === 0) return "0 Bytes";
  const k = 1024;
  const sizes = ["Bytes", "KB", "MB", "GB"];
  const i = Math.floor(Math.log(bytes) / Math.log(k));
  return parseFloat((bytes / Math.pow(k, i)).toFixed(2)) + " " + sizes[i];
}
function getFileTypeDescription(mimeType: string): string {
  const typeMap: Record<string, string> = {
    "image/jpeg": "JPEG Image",
    "image/png": "PNG Image",
    "image/gif": "GIF Image",
    "application/pdf": "PDF Document",
    "text/plain": "Text Document",
    "application/msword": "Word Document",
    "application/vnd.ms-excel": "Excel Spreadsheet",
    "application/zip": "ZIP Archive",
  };
  return typeMap[mimeType] || "Unknown";
}
