//! Who gives orders.

use crate::{answer::ApiError, auth, server::AppState};
use actix_web::{
    FromRequest, HttpRequest,
    dev::{Extensions, Payload},
    rt::net::UnixStream,
    web,
};
use std::{
    any::Any,
    future::{Ready, ready},
};

/// A process on this machine that could open the control socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalUser(u32);

/// Notes who is at the other end of a connection to the control socket; nothing for any other connection.
pub(crate) fn note_local_user(connection: &dyn Any, extensions: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<UnixStream>()
        && let Ok(peer) = stream.peer_cred()
    {
        extensions.insert(LocalUser(peer.uid()));
    }
}

/// Somebody who may operate the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operator {
    /// The name that events and verdicts give.
    pub(crate) name: String,
}

impl Operator {
    /// Who asks.
    fn of(http: &HttpRequest) -> Result<Self, ApiError> {
        // The right to open the socket is the right to the state folder: there is nothing to guard from it.
        if let Some(LocalUser(uid)) = http.conn_data::<LocalUser>() {
            return Ok(Self { name: format!("local user {uid}") });
        }
        let state = http
            .app_data::<web::Data<AppState>>()
            .ok_or_else(|| ApiError::internal("The server has lost its state."))?;
        let token = auth::token(http, state)?;
        if !token.may_operate() {
            return Err(ApiError::forbidden());
        }
        Ok(Self { name: format!("token {}", token.name) })
    }
}

impl FromRequest for Operator {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(http))
    }
}
