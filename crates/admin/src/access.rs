//! Access control of the admin port: by token, or without one by the host name in requests on loopback.
//!
//! Only the `Authorization` header counts. A browser never sends it by itself, so no other site can act in an
//! operator's name.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lastword_server::Token;

/// The token that a client must show, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Access(Arc<Option<Token>>);

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// A token is required, and the request has none or a wrong one.
    NoToken,
    /// A token is required, and the server has none.
    NoneConfigured,
    /// The request names another host.
    OtherHost,
}

impl Access {
    pub(crate) fn new(token: Option<Token>) -> Self {
        Self(Arc::new(token))
    }

    /// Whether this request may read.
    fn may_read(&self, headers: &HeaderMap) -> Result<(), Refused> {
        match &*self.0 {
            Some(token) if is_shown(token, headers) => Ok(()),
            Some(_) => Err(Refused::NoToken),
            None => self.names_us(headers),
        }
    }

    /// Whether this request may act.
    fn may_act(&self, headers: &HeaderMap) -> Result<(), Refused> {
        match &*self.0 {
            Some(_) => self.may_read(headers),
            None => Err(Refused::NoneConfigured),
        }
    }

    /// Whether the request names this machine as its host. A page of another site whose name was pointed here (DNS
    /// rebinding) sends that site's name. With a token the check is not needed: such a page does not have the token.
    fn names_us(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        if self.0.is_some() || host.is_none_or(is_loopback) {
            Ok(())
        } else {
            Err(Refused::OtherHost)
        }
    }
}

/// Passes requests that may read.
pub(crate) async fn reading(
    State(access): State<Access>,
    request: Request,
    next: Next,
) -> Response {
    let may = access.may_read(request.headers());
    pass(may, request, next).await
}

/// Passes requests that may act.
pub(crate) async fn acting(State(access): State<Access>, request: Request, next: Next) -> Response {
    let may = access.may_act(request.headers());
    pass(may, request, next).await
}

/// Passes requests that name this host: for pages without any secret.
pub(crate) async fn naming(State(access): State<Access>, request: Request, next: Next) -> Response {
    let may = access.names_us(request.headers());
    pass(may, request, next).await
}

async fn pass(may: Result<(), Refused>, request: Request, next: Next) -> Response {
    match may {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                [(header::WWW_AUTHENTICATE, "Bearer")],
                NO_TOKEN,
            )
                .into_response(),
            Self::NoneConfigured => (StatusCode::FORBIDDEN, NONE_CONFIGURED).into_response(),
            Self::OtherHost => (StatusCode::MISDIRECTED_REQUEST, OTHER_HOST).into_response(),
        }
    }
}

fn is_shown(token: &Token, headers: &HeaderMap) -> bool {
    let shown = headers
        .get(header::AUTHORIZATION)
        .map(|value| value.as_bytes());
    let shown = shown.and_then(|value| value.split_at_checked(SCHEME.len()));
    shown.is_some_and(|(scheme, shown)| {
        scheme.eq_ignore_ascii_case(SCHEME) && token.is(shown.trim_ascii())
    })
}

/// Whether this host name is a loopback name.
fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

const SCHEME: &[u8] = b"bearer ";
const NO_TOKEN: &str = "this takes the token of admin.token_file: `Authorization: Bearer TOKEN`\n";
const NONE_CONFIGURED: &str = "this takes a token, and this server has none: write one into a file \
    (`openssl rand -hex 32`), name the file in admin.token_file, and start the server again\n";
const OTHER_HOST: &str = "this port is for this machine: ask for 127.0.0.1 or localhost; a proxy before it sends \
    `Host: localhost`, or sends a token (admin.token_file)\n";

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().cloned();
        pairs
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn without_a_token_this_machine_may_read_and_nobody_may_act() {
        let access = Access::new(None);
        for host in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1:9464",
            "127.8.0.1",
            "[::1]:9464",
        ] {
            let headers = headers(&[(header::HOST, host)]);
            assert_eq!(access.may_read(&headers), Ok(()), "{host}");
            assert_eq!(access.may_act(&headers), Err(Refused::NoneConfigured));
        }
    }

    #[test]
    fn a_name_that_was_pointed_here_is_refused() {
        let access = Access::new(None);
        for host in [
            "evil.example:9464",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "@",
            "",
        ] {
            let headers = headers(&[(header::HOST, host)]);
            assert_eq!(access.may_read(&headers), Err(Refused::OtherHost), "{host}");
            assert_eq!(access.names_us(&headers), Err(Refused::OtherHost), "{host}");
        }
    }

    #[test]
    fn with_a_token_it_alone_counts() {
        let access = Access::new(Token::new("0123456789abcdef").ok());
        let own = headers(&[
            (header::AUTHORIZATION, "Bearer 0123456789abcdef"),
            (header::HOST, "admin.example"),
        ]);
        assert_eq!(
            (access.may_read(&own), access.may_act(&own)),
            (Ok(()), Ok(()))
        );
        for shown in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcdee",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            let headers = headers(&[(header::AUTHORIZATION, shown), (header::HOST, "localhost")]);
            assert_eq!(
                access.may_read(&headers),
                Err(Refused::NoToken),
                "{shown:?}"
            );
            assert_eq!(access.may_act(&headers), Err(Refused::NoToken), "{shown:?}");
        }
    }
}
