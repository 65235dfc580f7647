async function isEmailSuppressed(email, env) {
  const suppressionEntry = await env.SUPPRESSION_LIST.get(email);
  if (suppressionEntry) {
    const data = JSON.parse(suppressionEntry);
    console.log(`Email ${email} is suppressed: ${data.reason}`);
    return true;
  }
  return false;
}
// Use before sending emails
export async function sendEmail(recipient, subject, content, env) {
  if (await isEmailSuppressed(recipient, env)) {
    console.log(`Skipping email to suppressed address: ${recipient}`);
    return { success: false, reason: "suppressed" };
  }
  // Proceed with email sending
  // ... your email sending logic
}
