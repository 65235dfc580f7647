interface Env {
  EMAIL: SendEmail;
  DOMAIN: string;
}
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === "/send-invoice" && request.method === "POST") {
      return sendInvoiceWithPDF(request, env);
    }
    if (url.pathname === "/send-report" && request.method === "POST") {
      return sendReportWithImages(request, env);
    }
    if (url.pathname === "/upload-attachment" && request.method === "POST") {
      return sendEmailWithUpload(request, env);
    }
    return new Response("Not Found", { status: 404 });
  },
};
