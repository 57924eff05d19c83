//! What a stored value must not do.

use proptest::prelude::*;
use std::sync::LazyLock;
use tokio::runtime::Runtime;

use crate::{HASHES, PASSWORD, matches, reading_all};
use auth_core::Passwords;

/// Alike in all but one thing to a hash that would be computed.
const REFUSED: [&str; 42] = [
    "pbkdf2_sha256$",
    "pbkdf2_sha256$999$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=",
    "pbkdf2_sha256$+1000$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=",
    "pbkdf2_sha256$5000001$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=",
    "pbkdf2_sha256$4294967295$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=",
    "pbkdf2_sha256$99999999999$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=",
    "pbkdf2_sha256$1000$seasalt$",
    "pbkdf2_sha256$1000$seasalt$AAAA",
    "pbkdf2_sha256$1000$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA",
    "pbkdf2_sha256$1000$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=$",
    "pbkdf2_sha1$2147483648$seasalt$9iRYj0as1r5j+cCBxB+HMlxkyr4=",
    "pbkdf2_sha512$1000$seasalt$3xmXbyk2QpiyNcnoBbzRPwEBsYPTbDlRdtmLyBvQltA=",
    "$pbkdf2-sha256$i=4294967295,l=32$AAECAwQFBgcICQoLDA0ODw$ppsXnjrdPB4KryJ6DrOqKqhkWrhv7PbKAMF1Eml8cZ4",
    "$pbkdf2-sha256$i=1000,l=33$AAECAwQFBgcICQoLDA0ODw$ppsXnjrdPB4KryJ6DrOqKqhkWrhv7PbKAMF1Eml8cZ4",
    "$pbkdf2-sha256$i=1000,x=1$AAECAwQFBgcICQoLDA0ODw$ppsXnjrdPB4KryJ6DrOqKqhkWrhv7PbKAMF1Eml8cZ4",
    "$pbkdf2-sha256$l=32$AAECAwQFBgcICQoLDA0ODw$ppsXnjrdPB4KryJ6DrOqKqhkWrhv7PbKAMF1Eml8cZ4",
    "$pbkdf2-sha256$i=1000$AAECAwQFBgcICQoLDA0ODw$ppsXnjrdPB4KryJ6",
    "$pbkdf2-sha1$i=1000$AAECAwQFBgcICQoLDA0ODw$ppsXnjrdPB4KryJ6DrOqKqhkWrg",
    "scrypt$16$salt$8$1",
    "scrypt$15$salt$8$1$t/KnbDeVFVeX7lB6I4j+Je83fquZ9dJkcEusK86TZvYsojGv78nuOcoWhpHAWT9LItPZTgogYcK/eDHN7AqDsQ==",
    "scrypt$1$salt$8$1$t/KnbDeVFVeX7lB6I4j+Je83fquZ9dJkcEusK86TZvYsojGv78nuOcoWhpHAWT9LItPZTgogYcK/eDHN7AqDsQ==",
    "scrypt$0$salt$8$1$t/KnbDeVFVeX7lB6I4j+Je83fquZ9dJkcEusK86TZvYsojGv78nuOcoWhpHAWT9LItPZTgogYcK/eDHN7AqDsQ==",
    "scrypt$2147483648$salt$8$1$t/KnbDeVFVeX7lB6I4j+Je83fquZ9dJkcEusK86TZvYsojGv78nuOcoWhpHAWT9LItPZTgogYcK/eDHN7AqDsQ==",
    "scrypt$16$salt$65536$65536$t/KnbDeVFVeX7lB6I4j+Je83fquZ9dJkcEusK86TZvYsojGv78nuOcoWhpHAWT9LItPZTgogYcK/eDHN7AqDsQ==",
    "scrypt$16$salt$4294967295$4294967295$t/KnbDeVFVeX7lB6I4j+Je83fquZ9dJkcEusK86TZvYsojGv78nuOcoWhpHAWT9LItPZTgogYcK/eDHN7AqDsQ==",
    "$scrypt$ln=63,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "$scrypt$ln=18,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "$scrypt$ln=255,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "$scrypt$ln=4,r=8,p=4294967295$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "$scrypt$ln=1,r=1,p=2097152$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "$scrypt$ln=4,r=8$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "$2b$31$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
    "$2b$99$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
    "$2b$00$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
    "$2b$+4$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
    "$2x$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
    "$2b$04$abcdefghijklmnopqrst\u{a3}7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
    "bcrypt_sha256$$2b$31$EG2WIvAhoPdgWyGwTGLfs.1NZKjFXgwOQzbZ7Zx9wKlagbuqkHUI6",
    "$5$rounds=999999999$roundstoolow$e7M8/jKxuRGz/B0HBeVmCSxjq8k2V7MGFHnktjeO/t6",
    "$5$rounds=+1000$roundstoolow$e7M8/jKxuRGz/B0HBeVmCSxjq8k2V7MGFHnktjeO/t6",
    "$5$rounds=999$roundstoolow$e7M8/jKxuRGz/B0HBeVmCSxjq8k2V7MGFHnktjeO/t6",
    "argon2$scrypt$ln=4,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
];

#[tokio::test]
async fn what_is_not_quite_a_hash_matches_nothing() {
    let passwords = reading_all();
    for stored in REFUSED {
        let before = passwords.runs();
        assert!(!matches(&passwords, stored, PASSWORD).await, "{stored}");
        assert_eq!(passwords.runs() - before, 1, "{stored}: the work is done all the same");
    }
}

/// No beginning of a hash matches.
#[tokio::test]
async fn cut_hashes_match_nothing() {
    let passwords = reading_all();
    for stored in HASHES {
        // Cut anywhere in the last field, and at some places before it.
        for end in (0..stored.len()).filter(|end| end % 10 == 0 || end + 12 > stored.len()) {
            assert!(!matches(&passwords, &stored[..end], PASSWORD).await, "{}", &stored[..end]);
        }
    }
}

/// Built once: it starts a thread.
static READER: LazyLock<Passwords> = LazyLock::new(reading_all);

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Texts made of the pieces of hashes, with anything between them: no panic, and no match for a wrong password.
    #[test]
    fn altered_hashes_do_no_harm(which in 0..HASHES.len(), changes in prop::collection::vec((0_usize..130, any::<bool>(), "[$=,0-9a-z!\\PC]{0,3}"), 1..4)) {
        let runtime = Runtime::new().unwrap();
        let mut stored: Vec<char> = HASHES[which].chars().collect();
        for (at, replace, text) in changes {
            let at = at % stored.len().max(1);
            let end = if replace { (at + text.chars().count()).min(stored.len()) } else { at };
            stored.splice(at..end, text.chars());
        }
        let stored: String = stored.into_iter().collect();
        prop_assert!(!runtime.block_on(matches(&READER, &stored, "wrong")), "{}", stored);
    }
}
