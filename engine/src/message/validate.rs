//! The rules a message must keep before it is built.

use super::{
    content_type::MediaType,
    error::{SendError, SendErrorCode as Code},
    headers,
    model::{Attachment, Disposition, SendRequest},
};

/// Most recipients of one message, To, Cc and Bcc together.
pub const MAX_RECIPIENTS: usize = 50;
/// Longest subject in characters.
pub const MAX_SUBJECT_CHARS: usize = 998;
/// Most bytes of bodies and attachments together, before encoding: 25 MiB.
pub const MAX_CONTENT_BYTES: usize = 25 * 1024 * 1024;
/// Longest file name in characters, the limit of common file systems.
const MAX_FILENAME: usize = 255;
/// Longest content id in bytes; keeps its field on one line.
const MAX_CONTENT_ID: usize = 255;

impl SendRequest {
    /// Checks everything the types do not: recipients, subject, bodies, attachments, custom headers, size.
    ///
    /// # Errors
    /// [`SendError`] for the first rule broken, in that order.
    pub fn validate(&self) -> Result<(), SendError> {
        self.check_recipients()?;
        self.check_subject()?;
        self.check_bodies()?;
        for (index, attachment) in self.attachments.iter().enumerate() {
            check_attachment(index, attachment)?;
        }
        headers::check(&self.headers)?;
        self.check_size()
    }

    fn check_recipients(&self) -> Result<(), SendError> {
        match self.recipients().count() {
            0 => Err(SendError::new(Code::FieldMissing, "to", "At least one recipient is required.")),
            count if count > MAX_RECIPIENTS => {
                let message =
                    format!("{count} recipients in to, cc and bcc together, maximum is {MAX_RECIPIENTS}.");
                Err(SendError::new(Code::TooManyRecipients, "to", message))
            }
            _ => Ok(()),
        }
    }

    fn check_subject(&self) -> Result<(), SendError> {
        if self.subject.is_empty() {
            return Err(SendError::new(Code::FieldMissing, "subject", "A subject is required."));
        }
        check_header_text("subject", &self.subject)?;
        let chars = self.subject.chars().count();
        if chars > MAX_SUBJECT_CHARS {
            let message = format!("The subject is {chars} characters long, maximum is {MAX_SUBJECT_CHARS}.");
            return Err(SendError::new(Code::ValidationError, "subject", message));
        }
        Ok(())
    }

    fn check_bodies(&self) -> Result<(), SendError> {
        let empty = |body: &Option<String>| body.as_ref().is_none_or(String::is_empty);
        if empty(&self.html) && empty(&self.text) {
            let message = "At least one of 'html' and 'text' is required and must not be empty.";
            return Err(SendError::new(Code::FieldMissing, "html", message));
        }
        Ok(())
    }

    fn check_size(&self) -> Result<(), SendError> {
        let bodies = [&self.html, &self.text].into_iter().flatten().map(String::len);
        let files = self.attachments.iter().map(|attachment| attachment.content.len());
        let bytes: usize = bodies.chain(files).sum();
        if bytes > MAX_CONTENT_BYTES {
            let message =
                format!("Bodies and attachments are {bytes} bytes together, maximum is {MAX_CONTENT_BYTES}.");
            return Err(SendError::new(Code::ContentTooLarge, "", message));
        }
        Ok(())
    }
}

fn check_attachment(index: usize, attachment: &Attachment) -> Result<(), SendError> {
    let field = |name: &str| format!("attachments[{index}].{name}");
    check_present(&field("filename"), &attachment.filename)?;
    check_header_text(&field("filename"), &attachment.filename)?;
    if attachment.filename.chars().count() > MAX_FILENAME {
        let message = format!("The file name is longer than {MAX_FILENAME} characters.");
        return Err(SendError::new(Code::ValidationError, field("filename"), message));
    }
    check_present(&field("type"), &attachment.content_type)?;
    match MediaType::parse(&attachment.content_type) {
        Some(media) if !media.essence.starts_with("multipart/") => {}
        _ => {
            let message = "The type must be a media type such as 'application/pdf', and not a multipart one.";
            return Err(SendError::new(Code::ValidationError, field("type"), message));
        }
    }
    match &attachment.disposition {
        Disposition::Attachment => Ok(()),
        Disposition::Inline { content_id } => check_content_id(&field("content_id"), content_id),
    }
}

fn check_content_id(field: &str, id: &str) -> Result<(), SendError> {
    check_present(field, id)?;
    let allowed = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>');
    if id.len() > MAX_CONTENT_ID || !id.bytes().all(allowed) {
        let message = "The content id must be at most 255 printable ASCII characters without spaces and angle brackets.";
        return Err(SendError::new(Code::ValidationError, field, message));
    }
    Ok(())
}

fn check_present(field: &str, value: &str) -> Result<(), SendError> {
    if value.is_empty() {
        return Err(SendError::new(Code::FieldMissing, field, format!("'{field}' is required.")));
    }
    Ok(())
}

/// Refuses text that could break out of a header field.
fn check_header_text(field: &str, value: &str) -> Result<(), SendError> {
    if value.chars().any(|c| c.is_control() && c != '\t') {
        let message = format!("'{field}' must not contain line breaks or control characters.");
        return Err(SendError::new(Code::ValidationError, field, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Mailbox;

    fn request() -> SendRequest {
        SendRequest {
            from: Mailbox::parse("a@example.org").unwrap(),
            to: vec![Mailbox::parse("b@example.net").unwrap()],
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: None,
            subject: "s".to_owned(),
            html: None,
            text: Some("t".to_owned()),
            headers: Vec::new(),
            attachments: Vec::new(),
        }
    }

    fn refusal(change: impl FnOnce(&mut SendRequest)) -> (Code, String) {
        let mut request = request();
        change(&mut request);
        let error = request.validate().unwrap_err();
        (error.code, error.field)
    }

    fn file(change: impl FnOnce(&mut Attachment)) -> Attachment {
        let mut file = Attachment {
            content: b"x".to_vec(),
            filename: "a.txt".to_owned(),
            content_type: "text/plain".to_owned(),
            disposition: Disposition::Attachment,
        };
        change(&mut file);
        file
    }

    #[test]
    fn accepts_the_least_and_the_most() {
        assert_eq!(request().validate(), Ok(()));
        let mut most = request();
        most.bcc = vec![most.from.clone(); 49];
        most.subject = "ä".repeat(998);
        most.html = Some(String::new());
        most.attachments = vec![file(|f| f.content = vec![0; MAX_CONTENT_BYTES - 1])];
        assert_eq!(most.validate(), Ok(()));
    }

    #[test]
    fn recipients_may_all_be_hidden() {
        let mut hidden = request();
        std::mem::swap(&mut hidden.to, &mut hidden.bcc);
        assert_eq!(hidden.validate(), Ok(()));
    }

    #[test]
    fn names_what_is_missing_or_too_much() {
        let expected = |code, field: &str| (code, field.to_owned());
        assert_eq!(refusal(|r| r.to.clear()), expected(Code::FieldMissing, "to"));
        assert_eq!(refusal(|r| r.cc = vec![r.from.clone(); 50]), expected(Code::TooManyRecipients, "to"));
        assert_eq!(refusal(|r| r.subject.clear()), expected(Code::FieldMissing, "subject"));
        assert_eq!(refusal(|r| r.subject = "s".repeat(999)), expected(Code::ValidationError, "subject"));
        assert_eq!(
            refusal(|r| r.subject = "a\r\nBcc: b".to_owned()),
            expected(Code::ValidationError, "subject")
        );
        assert_eq!(refusal(|r| r.subject = "a\0".to_owned()), expected(Code::ValidationError, "subject"));
        assert_eq!(refusal(|r| r.text = Some(String::new())), expected(Code::FieldMissing, "html"));
        let large =
            |r: &mut SendRequest| r.attachments = vec![file(|f| f.content = vec![0; MAX_CONTENT_BYTES])];
        assert_eq!(refusal(large), expected(Code::ContentTooLarge, ""));
        let header = |r: &mut SendRequest| r.headers = vec![("Date".to_owned(), "x".to_owned())];
        assert_eq!(refusal(header), expected(Code::HeaderNotAllowed, "headers.Date"));
    }

    #[test]
    fn names_the_attachment_at_fault() {
        let inline = |id: &str| Disposition::Inline { content_id: id.to_owned() };
        let cases: [(Attachment, Code, &str); 9] = [
            (file(|f| f.filename.clear()), Code::FieldMissing, "filename"),
            (file(|f| f.filename = "a\nb".to_owned()), Code::ValidationError, "filename"),
            (file(|f| f.filename = "a".repeat(256)), Code::ValidationError, "filename"),
            (file(|f| f.content_type.clear()), Code::FieldMissing, "type"),
            (file(|f| f.content_type = "pdf".to_owned()), Code::ValidationError, "type"),
            (file(|f| f.content_type = "multipart/mixed".to_owned()), Code::ValidationError, "type"),
            (file(|f| f.content_type = "a/b\r\nX: y".to_owned()), Code::ValidationError, "type"),
            (file(|f| f.disposition = inline("")), Code::FieldMissing, "content_id"),
            (file(|f| f.disposition = inline("a>\r\n")), Code::ValidationError, "content_id"),
        ];
        for (attachment, code, name) in cases {
            let files = vec![file(|_| {}), attachment];
            assert_eq!(refusal(|r| r.attachments = files), (code, format!("attachments[1].{name}")));
        }
    }
}
