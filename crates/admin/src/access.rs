//! Access control of the admin port: by token, or without one for requests from this machine.
//!
//! Only the `Authorization` header counts as a token. A browser never sends it by itself, so no other site can act in an
//! operator's name.

mod local;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lastword_server::Token;

use local::NotLocal;

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
    /// No token is configured, and the request is not from this machine.
    NotLocal(NotLocal),
}

impl Access {
    pub(crate) fn new(token: Option<Token>) -> Self {
        Self(Arc::new(token))
    }

    /// Whether this request may read.
    fn may_read(&self, request: &Request) -> Result<(), Refused> {
        match &*self.0 {
            Some(token) if is_shown(token, request.headers()) => Ok(()),
            Some(_) => Err(Refused::NoToken),
            None => local::check(request).map_err(Refused::NotLocal),
        }
    }

    /// Whether this request may act.
    fn may_act(&self, request: &Request) -> Result<(), Refused> {
        match &*self.0 {
            Some(_) => self.may_read(request),
            None => Err(Refused::NoneConfigured),
        }
    }

    /// Whether this request may load the page. If a token is configured, every client may load the page, because the
    /// page shows no data until the token is entered.
    fn may_load(&self, request: &Request) -> Result<(), Refused> {
        match &*self.0 {
            Some(_) => Ok(()),
            None => local::check_page(request).map_err(Refused::NotLocal),
        }
    }
}

/// Passes requests that may read.
pub(crate) async fn reading(
    State(access): State<Access>,
    request: Request,
    next: Next,
) -> Response {
    let may = access.may_read(&request);
    pass(may, request, next).await
}

/// Passes requests that may act.
pub(crate) async fn acting(State(access): State<Access>, request: Request, next: Next) -> Response {
    let may = access.may_act(&request);
    pass(may, request, next).await
}

/// Passes requests that may load the page.
pub(crate) async fn loading(
    State(access): State<Access>,
    request: Request,
    next: Next,
) -> Response {
    let may = access.may_load(&request);
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
            Self::NotLocal(why) => why.into_response(),
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

const SCHEME: &[u8] = b"bearer ";
const NO_TOKEN: &str =
    "this request needs the token of admin.token_file: `Authorization: Bearer TOKEN`\n";
const NONE_CONFIGURED: &str = "this request needs a token, and this server has none: write one into a file \
    (`openssl rand -hex 32`), name the file in admin.token_file, and start the server again\n";

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::body::Body;
    use axum::extract::ConnectInfo;
    use axum::http::HeaderName;

    use super::*;

    fn request(headers: &[(HeaderName, &str)]) -> Request {
        let here = SocketAddr::from(([127, 0, 0, 1], 40_000));
        let builder = Request::builder().extension(ConnectInfo(here));
        let builder = headers.iter().fold(builder, |builder, (name, value)| {
            builder.header(name, *value)
        });
        builder.body(Body::empty()).unwrap()
    }

    #[test]
    fn without_a_token_this_machine_may_read_and_no_client_may_act() {
        let access = Access::new(None);
        let own = request(&[(header::HOST, "localhost:9464")]);
        assert_eq!(
            (access.may_read(&own), access.may_load(&own)),
            (Ok(()), Ok(()))
        );
        assert_eq!(access.may_act(&own), Err(Refused::NoneConfigured));
        let other = request(&[(header::HOST, "evil.example")]);
        let refused = Err(Refused::NotLocal(NotLocal::OtherHost));
        assert_eq!(
            (access.may_read(&other), access.may_load(&other)),
            (refused, refused)
        );
        assert_eq!(access.may_act(&other), Err(Refused::NoneConfigured));
    }

    #[test]
    fn with_a_token_it_alone_counts() {
        let access = Access::new(Token::new("0123456789abcdef").ok());
        let forwarded = request(&[
            (header::AUTHORIZATION, "Bearer 0123456789abcdef"),
            (header::HOST, "admin.example"),
            (header::VIA, "1.1 proxy"),
            (header::ORIGIN, "https://admin.example"),
        ]);
        assert_eq!(
            (access.may_read(&forwarded), access.may_act(&forwarded)),
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
            let request = request(&[(header::AUTHORIZATION, shown), (header::HOST, "localhost")]);
            let refused = Err(Refused::NoToken);
            assert_eq!(access.may_read(&request), refused, "{shown:?}");
            assert_eq!(access.may_act(&request), refused, "{shown:?}");
            assert_eq!(access.may_load(&request), Ok(()), "{shown:?}");
        }
    }
}
