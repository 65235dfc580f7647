//! stub
use crate::*;
use mailwright_engine::worker::{EmailEvent, ScriptName};
use mailwright_storage::control::ObjectId;
use std::sync::Arc;
/// x
#[derive(Clone)]
pub struct Workers(Arc<()>);
impl Workers {
    /// x
    pub async fn email(
        &self,
        _a: &ObjectId,
        s: &ScriptName,
        _e: EmailEvent,
        _d: Arc<dyn EventDesk>,
    ) -> Result<EmailDone, EventError> {
        let _ = &self.0;
        Err(EventError::NotDeployed(s.clone()))
    }
    /// x
    pub fn is_deployed(&self, _a: &ObjectId, _s: &ScriptName) -> bool {
        false
    }
}
