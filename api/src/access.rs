//! Who asks, and what they may.

use crate::{answer::ApiError, auth, server::AppState};
use actix_web::{
    FromRequest, HttpRequest,
    dev::{Extensions, Payload},
    rt::net::UnixStream,
    web,
};
use mailwright_actors::clock;
use mailwright_storage::control::{Account, Actor, By, Permission, Token, Zone};
use std::{
    any::Any,
    future::{Ready, ready},
    net::IpAddr,
    sync::Arc,
};

/// A process on this machine that could open the control socket.
#[derive(Debug, Clone, Copy)]
struct LocalUser(u32);

/// Notes who is at the other end of a connection to the control socket; nothing for any other connection.
pub(crate) fn note_local_user(connection: &dyn Any, extensions: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<UnixStream>()
        && let Ok(peer) = stream.peer_cred()
    {
        extensions.insert(LocalUser(peer.uid()));
    }
}

/// Somebody whom we know, as the extractor of every route but those that anybody may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    who: Who,
    from: Option<IpAddr>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    /// The right to open the control socket is the right to the state folder: there is nothing to guard from it.
    Local(u32),
    Token(Arc<Token>),
}

impl Caller {
    fn of(http: &HttpRequest) -> Result<Self, ApiError> {
        if let Some(LocalUser(uid)) = http.conn_data::<LocalUser>() {
            return Ok(Self { who: Who::Local(*uid), from: None });
        }
        let state = http
            .app_data::<web::Data<AppState>>()
            .ok_or_else(|| ApiError::internal("The server has lost its state."))?;
        let token = auth::token(http, state)?;
        Ok(Self { who: Who::Token(token), from: http.peer_addr().map(|peer| peer.ip()) })
    }

    /// The token of whoever has one.
    pub(crate) fn token(&self) -> Option<&Arc<Token>> {
        match &self.who {
            Who::Local(_) => None,
            Who::Token(token) => Some(token),
        }
    }

    /// Whether the caller may do whatever there is to do on this server.
    pub(crate) fn may_operate(&self) -> bool {
        self.token().is_none_or(|token| token.may_operate())
    }

    /// Nothing more.
    ///
    /// # Errors
    /// 403 for whoever may not operate the server.
    pub(crate) fn operator(&self) -> Result<(), ApiError> {
        if self.may_operate() { Ok(()) } else { Err(ApiError::forbidden()) }
    }

    /// The account with this id, for `permission`. Who sends or reads for a token that is limited to zones has to
    /// look at [`Token::reaches`] besides.
    ///
    /// # Errors
    /// 404 if there is none that the caller may know of, 403 if this is not allowed there.
    pub(crate) fn account(
        &self,
        state: &AppState,
        id: &str,
        permission: Permission,
    ) -> Result<Account, ApiError> {
        let may_see = self.token().is_none_or(|token| token.sees(id));
        let account = state.control.account(id).filter(|_| may_see);
        let account = account.ok_or_else(|| ApiError::no_object("account"))?;
        // What is not a zone's but the whole account's is not for who is limited to zones.
        let is_by_zone = matches!(permission, Permission::Send | Permission::AnalyticsRead);
        let may = |token: &Arc<Token>| token.allows(permission, id) && (is_by_zone || token.zones.is_none());
        if self.token().is_none_or(may) { Ok(account) } else { Err(ApiError::forbidden()) }
    }

    /// The zone with this id, for `permission`.
    ///
    /// # Errors
    /// 404 if there is none that the caller may know of, 403 if this is not allowed there.
    pub(crate) fn zone(&self, state: &AppState, id: &str, permission: Permission) -> Result<Zone, ApiError> {
        let zone = state.control.zone(id).filter(|zone| self.sees(zone));
        let zone = zone.ok_or_else(|| ApiError::no_object("zone"))?;
        if self.token().is_none_or(|token| token.allows(permission, zone.account_id.as_str())) {
            Ok(zone)
        } else {
            Err(ApiError::forbidden())
        }
    }

    /// Whether the caller may know that there is this zone.
    pub(crate) fn sees(&self, zone: &Zone) -> bool {
        self.token().is_none_or(|token| token.sees(zone.account_id.as_str()) && token.reaches(&zone.id))
    }

    /// Whether the caller may know that there is this account.
    pub(crate) fn sees_account(&self, account: &Account) -> bool {
        self.token().is_none_or(|token| token.sees(account.id.as_str()))
    }

    /// What goes on record about a change that the caller makes now.
    pub(crate) fn by(&self) -> By {
        let actor = match &self.who {
            Who::Local(uid) => Actor::Local { uid: *uid },
            Who::Token(token) => Actor::Token { id: token.id.clone(), name: token.name.clone() },
        };
        By { actor, at: clock::now(), from: self.from }
    }

    /// The caller's name, as events and verdicts give it.
    pub(crate) fn name(&self) -> String {
        match &self.who {
            Who::Local(uid) => format!("local user {uid}"),
            Who::Token(token) => format!("token {}", token.name),
        }
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(http))
    }
}

/// Somebody who may operate the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operator {
    /// The name that events and verdicts give.
    pub(crate) name: String,
}

impl FromRequest for Operator {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        let operator = Caller::of(http).and_then(|caller| {
            caller.operator()?;
            Ok(Self { name: caller.name() })
        });
        ready(operator)
    }
}
