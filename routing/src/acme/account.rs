//! Our account at the authority: made once, and kept with its key.

use super::{AcmeSettings, http::AcmeHttp};
use instant_acme::{Account, AccountCredentials, Error, NewAccount};
use mailwright_storage::{PrivateFolder, StorageError};
use serde::{Deserialize, Serialize};

/// The file that it is kept in.
const FILE: &str = "account.json";

/// Why there is no account to order with.
#[derive(Debug, thiserror::Error)]
pub(super) enum AccountError {
    /// The authority is not there, or refuses.
    #[error(transparent)]
    Authority(#[from] Error),
    /// What is kept cannot be read, or nothing be kept.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What is kept is no account.
    #[error("{FILE}: {0}")]
    Format(#[from] serde_json::Error),
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Where it was made: elsewhere it is unknown.
    directory: String,
    /// What address it was given.
    contact: Option<String>,
    credentials: AccountCredentials,
}

/// The account that is kept, if it is of the configured authority, else a new one.
///
/// # Errors
/// When there is none to be had.
pub(super) async fn open(
    settings: &AcmeSettings,
    folder: &PrivateFolder,
    http: &AcmeHttp,
) -> Result<Account, AccountError> {
    let builder = Account::builder_with_http(Box::new(http.clone()));
    let contact = settings.contact.as_ref().map(|address| format!("mailto:{address}"));
    let contact: Vec<_> = contact.iter().map(String::as_str).collect();
    let kept: Option<Kept> = folder.read(FILE)?.map(|text| serde_json::from_slice(&text)).transpose()?;
    if let Some(mut kept) = kept.filter(|kept| kept.directory == settings.directory) {
        let is_told = kept.contact == settings.contact;
        kept.contact.clone_from(&settings.contact);
        let text = serde_json::to_vec(&kept)?;
        let account = builder.from_credentials(kept.credentials).await?;
        if !is_told {
            account.update_contacts(&contact).await?;
            folder.write(FILE, &text)?;
        }
        return Ok(account);
    }
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let (account, credentials) = builder.create(&new, settings.directory.clone(), None).await?;
    let (directory, contact) = (settings.directory.clone(), settings.contact.clone());
    folder.write(FILE, &serde_json::to_vec(&Kept { directory, contact, credentials })?)?;
    tracing::info!(directory = settings.directory, "an account for certificates was made");
    Ok(account)
}

/// Forgets an account that the authority does not know any more.
///
/// # Errors
/// When its file cannot be removed.
pub(super) fn forget(folder: &PrivateFolder) -> Result<(), StorageError> {
    folder.remove(FILE)
}
