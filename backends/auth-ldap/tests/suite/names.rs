//! Whose name it is.

use auth_core::DeniedKind;
use auth_core::backend::DenyReason;
use auth_ldap::Ldap;
use test_servers::OpenLdap;

use crate::mock::{BIND_ANSWER, DONE, Mock, Reply, SEARCH, alice, entry, result};
use crate::support::{PEOPLE, UNKNOWN, WRONG, denied, directory, login, settings, told};

/// However a name is spelt, it is that of one person, as the directory writes it.
#[tokio::test]
async fn all_spellings_are_one_person() {
    let server = OpenLdap::new().start();
    let directory = directory(&server);
    let alice = login(&directory, "alice", "alicepw").await.unwrap();
    assert_eq!(
        (alice.issuer(), alice.username(), alice.name()),
        ("example.org", "alice", Some("Alice Archer"))
    );
    let email = alice.email().unwrap();
    assert_eq!((&*email.address, email.verified), ("alice@example.org", false));
    assert_eq!(alice.subject().len(), 36, "an entryUUID");
    for spelling in ["ALICE", "Alice", " alice", "alice ", " alice ", "ａｌｉｃｅ", "ＡＬＩＣＥ"] {
        assert_eq!(login(&directory, spelling, "alicepw").await.as_ref(), Ok(&alice), "{spelling:?}");
        assert_eq!(login(&directory, spelling, "bobpw").await, Err(WRONG), "{spelling:?}");
        assert!(
            login(&directory, spelling, "alicepw").await.is_ok(),
            "unlocks what a wrong password counted"
        );
    }
}

/// What would be more than a name in a filter or a DN is a name that nobody has.
#[tokio::test]
async fn names_are_nothing_but_names() {
    let names = [
        "*",
        "a*",
        "*)(uid=*",
        "alice)(uid=*",
        "alice)(|(uid=*",
        "admin)(userPassword=*",
        "\\61lice",
        "\\2a",
        "alice\0",
        "alice\u{0}*",
        "al\nice",
        "alice\r",
        "\u{85}alice",
        "(uid=alice)",
        "alice)",
        "(alice",
        "&",
        "|",
        "!",
        "alice,ou=people,dc=example,dc=org",
        "alice+cn=Alice Archer",
        "uid=alice",
        "alice\\",
        "\\,",
        "\"alice\"",
        "alice;x",
        "#04036f",
        "<alice>",
        "alice=",
        "{username}",
        "  ",
        "\u{3000}",
        "\t",
        "alice\u{200b}x",
    ];
    let server = OpenLdap::new().start();
    let ways = [
        ("search", directory(&server)),
        ("DN", settings(&server).bind_dn(format!("uid={{username}},{PEOPLE}")).build().unwrap()),
    ];
    for (way, directory) in ways {
        for name in names {
            for password in ["alicepw", "*", OpenLdap::ADMIN_PASSWORD] {
                let denied = login(&directory, name, password).await.expect_err(name);
                assert!(matches!(denied, UNKNOWN | WRONG), "{way}: {name:?}: {denied:?}");
            }
        }
        assert_eq!(told(&directory, "alice", "alicepw").await.as_deref(), Ok("alice"), "{way}");
    }
}

/// A DN full of what means something else in DNs and filters is somebody's, too.
#[tokio::test]
async fn awkward_names_are_names() {
    let server = OpenLdap::new().start();
    assert_eq!(told(&directory(&server), "anne", "annepw").await.as_deref(), Ok("anne"));
    let by_name = settings(&server)
        .users(PEOPLE, "(cn={username})")
        .username_attribute("cn")
        .bind_dn(format!("cn={{username}},{PEOPLE}"))
        .build()
        .unwrap();
    let name = "Änne, O'Hara (x)+y";
    assert_eq!(told(&by_name, name, "annepw").await.as_deref(), Ok(name));
    assert_eq!(told(&by_name, name, "alicepw").await, Err(WRONG));
}

/// Nothing is sent for an empty password or name, nor for those that are too long.
#[tokio::test]
async fn empty_and_endless_credentials_reach_nobody() {
    let mock = Mock::answering(|asked| Reply::Say(result(asked.id, BIND_ANSWER, 0, b""))).await;
    let directory = mock.directory();
    let (name, password) = ("n".repeat(256), "p".repeat(4097));
    for (username, password) in [
        ("alice", ""),
        ("", "alicepw"),
        ("", ""),
        (&name, "x"),
        ("alice", &password),
        ("\0", "x"),
        ("a\0", "x"),
        (" ", "x"),
        ("\n", "x"),
    ] {
        let denied = login(&directory, username, password).await.unwrap_err();
        assert!(matches!(denied, DeniedKind::Malformed | UNKNOWN), "{denied:?}");
    }
    assert_eq!(mock.asked(), []);
    assert_eq!(told(&directory, "alice", "alicepw").await.as_deref(), Ok("alice"));
    assert!(!mock.asked().is_empty(), "the mock would have noticed");
}

/// A directory in which a bind with a DN and an empty password succeeds.
#[tokio::test]
async fn unauthenticated_binds_let_nobody_in() {
    let server = OpenLdap::new().with_unauthenticated_binds().start();
    let directory = directory(&server);
    assert_eq!(login(&directory, "alice", "").await, Err(DeniedKind::Malformed));
    assert_eq!(login(&directory, "alice", "\0").await, Err(WRONG));
    assert!(!server.binds().iter().any(String::is_empty));
}

#[tokio::test]
async fn a_name_of_two_people_is_refused() {
    let server = OpenLdap::new().start();
    let by_email = settings(&server).users(PEOPLE, "(mail={username})").build().unwrap();
    for password in ["twin1pw", "twin2pw", "x"] {
        let expected = Err(denied(DenyReason::NotPermitted));
        assert_eq!(told(&by_email, "twins@example.org", password).await, expected, "{password}");
    }
    assert_eq!(told(&by_email, "alice@example.org", "alicepw").await.as_deref(), Ok("alice"));
    assert!(!server.binds().iter().any(|dn| dn.contains("twin")), "neither was tried");
}

/// Who does not exist takes as many steps as who does, and the typed password stays here.
#[tokio::test]
async fn nobody_takes_as_long_as_somebody() {
    let mock = Mock::start(|asked| match asked.op {
        SEARCH => Reply::Say(result(asked.id, DONE, 0, b"")),
        _ => Reply::Say(result(asked.id, BIND_ANSWER, 0, b"")),
    })
    .await;
    assert_eq!(
        login(&mock.directory(), "nobody", "of another backend").await,
        Err(UNKNOWN),
        "whatever is answered"
    );
    let asked = mock.asked();
    assert_eq!(asked.len(), 2, "a search and a bind");
    let secret = b"of another backend";
    assert!(!asked.iter().any(|asked| asked.bytes.windows(secret.len()).any(|part| part == secret)));
}

/// In Active Directory one's principal name can be another's account name. Who is bound as the one must not be
/// read as the other.
#[tokio::test]
async fn a_principal_of_two_people_is_refused() {
    let two = |id| {
        [alice(id), entry(id, "uid=bob,dc=example", &[("uid", "bob")]), result(id, DONE, 0, b"")].concat()
    };
    let mock = Mock::start(move |asked| match asked.op {
        SEARCH => Reply::Say(two(asked.id)),
        _ => Reply::Say(result(asked.id, BIND_ANSWER, 0, b"")),
    })
    .await;
    let directory = Ldap::active_directory("example.test").server(mock.url()).insecure_without_tls();
    let directory = directory.without_service_account().bind_principal().build().unwrap();
    assert_eq!(told(&directory, "alice", "alicepw").await, Err(denied(DenyReason::NotPermitted)));
}
