//! Reading the headers of one request.

use std::collections::BTreeSet;

use super::header::Field;
use super::{RemoteUser, RemoteUserHeader};
use crate::backend::Groups;
use crate::http::{Read, RequestView};

/// Why a request that names a user is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unreadable {
    /// The peer is not a trusted proxy.
    Untrusted,
    /// The trusted proxy's request is ambiguous.
    Ambiguous,
}

use Unreadable::{Ambiguous, Untrusted};

impl RemoteUserHeader {
    /// The user whom a trusted proxy names.
    ///
    /// If any other peer names a user, the request is refused. Ignoring the header is not enough, because a handler
    /// may read it; removing it would change a request that others may hold already, on which actix-web panics.
    pub(super) fn read_user(&self, view: &dyn RequestView) -> Read<RemoteUser> {
        match self.user(view) {
            Ok(None) => Read::NotMine,
            Ok(Some(user)) => Read::Present(user),
            Err(Untrusted) => Read::Untrusted,
            Err(Ambiguous) => Read::Ambiguous,
        }
    }

    fn user(&self, view: &dyn RequestView) -> Result<Option<RemoteUser>, Unreadable> {
        if !self.peers.trust(view) {
            return if self.is_named(view) { Err(Untrusted) } else { Ok(None) };
        }
        let mut values = [None; Field::COUNT];
        let mut is_clear = true;
        view.headers(&mut |name, value| {
            if let Some((field, own)) = self.find(name) {
                let is_own = name.eq_ignore_ascii_case(own);
                is_clear &= is_own && values[field as usize].replace(value).is_none();
            } else if name.eq_ignore_ascii_case("connection") {
                // Such a header would be meant for the proxy, and should not have come through: a client tries to
                // have the header dropped on the way (CVE-2024-45410).
                is_clear &= !value.split(|byte| *byte == b',').any(|listed| self.names(listed));
            }
        });
        if is_clear { user(values) } else { Err(Ambiguous) }
    }

    /// Whether one of the headers, or a similar one, has a value: other proxies may send them empty.
    fn is_named(&self, view: &dyn RequestView) -> bool {
        let mut is_named = false;
        view.headers(&mut |name, value| {
            is_named |= !value.trim_ascii().is_empty() && self.find(name).is_some();
        });
        is_named
    }

    /// Which header this name counts as, here or on a server that folds names, and that header's configured name.
    fn find(&self, name: &str) -> Option<(Field, &str)> {
        let (field, own) = self.headers.iter().find(|(_, own)| looks_like(name, own))?;
        Some((*field, own))
    }

    fn names(&self, listed: &[u8]) -> bool {
        std::str::from_utf8(listed.trim_ascii()).is_ok_and(|name| self.find(name).is_some())
    }
}

fn user(values: [Option<&[u8]>; Field::COUNT]) -> Result<Option<RemoteUser>, Unreadable> {
    let value = |field: Field| values[field as usize].map(text).transpose().map(Option::unwrap_or_default);
    let (username, email) = (single(value(Field::Username)?)?, single(value(Field::Email)?)?);
    let (name, groups) = (within(value(Field::Name)?)?, value(Field::Groups)?);
    let Some(username) = username else { return Ok(None) };
    let groups = match values[Field::Groups as usize] {
        Some(_) => Groups::Known(list(groups)),
        None => Groups::Unknown,
    };
    Ok(Some(RemoteUser {
        username: username.into(),
        email: email.map(Into::into),
        name: name.map(Into::into),
        groups,
    }))
}

/// Whether some server folds `name` into `own`: servers turn into `_` everything that is neither a letter nor a
/// digit, or only `-` (CVE-2015-0219, CVE-2026-3902).
fn looks_like(name: &str, own: &str) -> bool {
    let folded = |byte: u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    name.len() == own.len() && name.bytes().map(folded).eq(own.bytes())
}

/// The value as text, trimmed of blanks.
fn text(value: &[u8]) -> Result<&str, Unreadable> {
    let text = std::str::from_utf8(value).map_err(|_| Ambiguous)?.trim_matches([' ', '\t']);
    if text.chars().any(char::is_control) { Err(Ambiguous) } else { Ok(text) }
}

/// A single value; `None` if it is empty. A comma may come from two headers that were joined.
fn single(text: &str) -> Result<Option<&str>, Unreadable> {
    if text.contains(',') { Err(Ambiguous) } else { within(text) }
}

fn within(text: &str) -> Result<Option<&str>, Unreadable> {
    match text {
        // Apache's value for a variable that is not set.
        "" | "(null)" => Ok(None),
        long if long.len() > RemoteUser::MAX_LEN => Err(Ambiguous),
        text => Ok(Some(text)),
    }
}

fn list(text: &str) -> BTreeSet<String> {
    let entries = text.split(',').map(|entry| entry.trim_matches([' ', '\t']));
    entries.filter(|entry| !entry.is_empty()).map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::TestRequest;

    fn header() -> RemoteUserHeader {
        RemoteUserHeader::new("X-Remote-User")
            .and_then(|header| header.email("X-Remote-Email"))
            .and_then(|header| header.name("X-Remote-Name"))
            .and_then(|header| header.groups("X-Remote-Groups"))
            .and_then(|header| header.trusted_peer("10.0.0.7"))
            .unwrap()
    }

    fn request(peer: &str, headers: &[(&'static str, &[u8])]) -> TestRequest {
        let others = headers.iter().map(|(name, value)| (*name, value.to_vec())).collect();
        TestRequest { peer: peer.parse().ok(), others, ..TestRequest::get(&[]) }
    }

    type Headers<'a> = &'a [(&'static str, &'a [u8])];

    /// One header with one name counts.
    #[test]
    fn one_name_counts() {
        let longest = "x".repeat(255);
        let table: &[(&str, Headers<'_>, Option<&str>)] = &[
            ("absent", &[], None),
            ("empty", &[("X-Remote-User", b"")], None),
            ("blanks", &[("X-Remote-User", b" \t ")], None),
            ("Apache's nobody", &[("X-Remote-User", b"(null)")], None),
            ("another header", &[("X-Remote-Users", b"mallory")], None),
            ("a name", &[("X-Remote-User", b"alice")], Some("alice")),
            ("any case of the header", &[("x-REMOTE-user", b"alice")], Some("alice")),
            ("blanks around it", &[("X-Remote-User", b" alice\t")], Some("alice")),
            ("blanks in it", &[("X-Remote-User", b"alice b")], Some("alice b")),
            ("UTF-8", &[("X-Remote-User", "zoë".as_bytes())], Some("zoë")),
            ("a realm", &[("X-Remote-User", b"alice@EXAMPLE.COM")], Some("alice@EXAMPLE.COM")),
            ("a domain", &[("X-Remote-User", b"EXAMPLE\\alice")], Some("EXAMPLE\\alice")),
            ("longest", &[("X-Remote-User", longest.as_bytes())], Some(&longest)),
            ("a usual connection", &[("Connection", b"close"), ("X-Remote-User", b"alice")], Some("alice")),
        ];
        for (name, headers, expected) in table {
            let read = header().user(&request("10.0.0.7", headers)).unwrap();
            assert_eq!(read.as_ref().map(RemoteUser::username), *expected, "{name}");
        }
    }

    /// Nothing else counts.
    #[test]
    fn what_could_mean_two_things_is_refused() {
        let long = "x".repeat(256);
        let table: &[(&str, Headers<'_>)] = &[
            ("twice", &[("X-Remote-User", b"alice"), ("x-remote-user", b"mallory")]),
            ("twice the same", &[("X-Remote-User", b"alice"), ("X-Remote-User", b"alice")]),
            ("twice, one empty", &[("X-Remote-User", b""), ("X-Remote-User", b"mallory")]),
            ("a list", &[("X-Remote-User", b"alice, mallory")]),
            ("too long", &[("X-Remote-User", long.as_bytes())]),
            ("not UTF-8", &[("X-Remote-User", b"zo\xeb")]),
            ("NUL", &[("X-Remote-User", b"alice\0")]),
            ("a tab in it", &[("X-Remote-User", b"ali\tce")]),
            ("underscores", &[("X_Remote_User", b"mallory")]),
            ("underscores too", &[("X-Remote-User", b"alice"), ("x_remote_user", b"mallory")]),
            ("one underscore", &[("X-Remote_User", b"mallory")]),
            ("dots", &[("X.Remote.User", b"mallory")]),
            ("a look-alike, empty", &[("X_Remote_User", b"")]),
            ("a look-alike of another", &[("X-Remote-User", b"alice"), ("x_remote_groups", b"admins")]),
            ("groups twice", &[("X-Remote-Groups", b"a"), ("X-Remote-Groups", b"b")]),
            ("two addresses", &[("X-Remote-Email", b"a@example.com,b@example.com")]),
            ("to be dropped", &[("Connection", b"close, X-Remote-User")]),
            ("groups to be dropped", &[("connection", b"x-remote-groups"), ("X-Remote-User", b"alice")]),
        ];
        for (name, headers) in table {
            assert_eq!(header().user(&request("10.0.0.7", headers)), Err(Ambiguous), "{name}");
        }
    }

    #[test]
    fn the_other_headers_are_read() {
        let read = |groups: &[(&'static str, &[u8])]| {
            let headers: [(&'static str, &[u8]); 3] = [
                ("X-Remote-User", b"alice"),
                ("X-Remote-Email", b"alice@example.com"),
                ("X-Remote-Name", b"Liddell, Alice"),
            ];
            header().user(&request("10.0.0.7", &[&headers, groups].concat())).unwrap().unwrap()
        };
        let alice = read(&[]);
        assert_eq!((alice.email(), alice.name()), (Some("alice@example.com"), Some("Liddell, Alice")));
        assert_eq!(*alice.groups(), Groups::Unknown);
        let groups = |list: &[u8]| read(&[("X-Remote-Groups", list)]).groups().clone();
        let known = |names: &[&str]| Groups::Known(names.iter().map(ToString::to_string).collect());
        assert_eq!(groups(b"staff, admins,,"), known(&["admins", "staff"]));
        assert_eq!(groups(b""), known(&[]));
        assert_eq!(groups(b","), known(&[]), "what nginx can send instead");
    }

    /// What others send is refused, look-alikes too.
    #[test]
    fn who_is_not_the_proxy_names_nobody() {
        for forged in ["x-remote-user", "x_remote_user", "X_Remote_Groups", "x.remote.user"] {
            for (value, expected) in
                [("mallory", Err(Untrusted)), ("zo\u{eb}", Err(Untrusted)), (" ", Ok(None))]
            {
                let headers = [("accept", "*/*".as_bytes()), (forged, value.as_bytes())];
                for peer in ["10.0.0.8", ""] {
                    let read = header().user(&request(peer, &headers));
                    assert_eq!(read, expected, "{forged}: {value:?} from {peer:?}");
                }
            }
        }
        assert_eq!(header().user(&request("10.0.0.8", &[("accept", b"*/*")])), Ok(None));
    }
}
