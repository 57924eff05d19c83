//! Records of version 2: every field at its place, and nothing that could be added.

use super::super::StampMac;
use super::{Owner, SessionRecord, SessionUser};
use crate::encoding::Reader;
use crate::{BackendName, UserId};

/// Reads one, without its version. `None` for anything else.
pub(super) fn read(mut input: Reader<'_>) -> Option<SessionRecord> {
    let id = UserId::new(input.text()?).ok()?;
    let backend = BackendName::new(input.text()?)?;
    let stamp = StampMac::from_bytes(input.bytes()?)?;
    let [created, authenticated, confirmed, rotated, last_seen, expires] = input.times()?;
    let remote_user = Some(input.text()?).filter(|name| !name.is_empty()).map(|name| Box::new(name.into()));
    let client = match input.byte()? {
        0 => None,
        1 => Some(Box::new(input.client()?)),
        _ => return None,
    };
    let mut data = Vec::new();
    for _ in 0..input.number()? {
        data.push((input.text()?.into(), input.text()?.into()));
    }
    let record = SessionRecord {
        authenticated,
        confirmed,
        rotated,
        last_seen,
        remote_user,
        data: data.into_iter().collect(),
        client,
        ..SessionRecord::new(Owner::User(SessionUser { backend, id, stamp }), created, expires)
    };
    input.0.is_empty().then_some(record)
}

#[cfg(test)]
mod tests {
    use super::super::super::ClientFacts;
    use super::*;
    use crate::session::Unreadable;
    use crate::time::Timestamp;

    /// What the last build that wrote version 2 wrote for user 7 with a cart, at this time.
    const BYTES: &[u8] = include_bytes!("v2.bin");
    const THEN: Timestamp = Timestamp::from_secs(4_000_000_000);

    #[test]
    fn it_is_read() {
        let read = SessionRecord::decode(BYTES).unwrap();
        let user = read.owner().user().unwrap();
        assert_eq!((user.backend.as_str(), user.id.as_str()), ("local", "7"));
        let mut expected =
            SessionRecord::new(read.owner().clone(), THEN, Timestamp::from_secs(4_000_003_600));
        expected.data = [("cart".into(), "[1,2]".into())].into_iter().collect();
        let client = ClientFacts { address: None, user_agent: Some("Firefox".into()) };
        expected.client = Some(Box::new(client));
        assert_eq!(read, expected);
        assert_eq!(SessionRecord::decode(&read.encode()), Ok(expected), "and written as the newest version");
    }

    #[test]
    fn damage_is_no_session() {
        for end in 0..BYTES.len() {
            assert_eq!(SessionRecord::decode(&BYTES[..end]), Err(Unreadable::Damaged), "cut at {end}");
        }
        assert_eq!(SessionRecord::decode(&[BYTES, &[0]].concat()), Err(Unreadable::Damaged), "longer");
    }
}
