//! Over a real Active Directory, where the machine allows one: it is started once for all.

use auth_core::backend::{Confirm as _, DenyReason, Groups, Standing};
use auth_ldap::{GroupSource, Ldap, LdapBuilder};
use test_servers::ActiveDirectory;

use crate::support::{Log, UNKNOWN, WRONG, denied, known, login, told};

const PASSWORD: &str = ActiveDirectory::PASSWORD;

fn settings(server: &ActiveDirectory) -> LdapBuilder {
    Ldap::active_directory("example.test")
        .server(server.tls_url().replace("127.0.0.1", "localhost"))
        .authorities(server.authority())
        .service_account("service@example.test", PASSWORD)
        .groups(GroupSource::active_directory(ActiveDirectory::BASE))
}

#[tokio::test]
async fn active_directory_is_a_directory() {
    let Some(server) = ActiveDirectory::start_where_allowed() else { return };
    let start_tls = settings(&server).server(server.url()).build().unwrap();
    let alone = settings(&server).without_service_account().bind_principal().build().unwrap();
    for (way, directory) in
        [("search", settings(&server).build().unwrap()), ("start TLS", start_tls), ("bind", alone)]
    {
        names(way, &directory).await;
        states(way, &directory).await;
    }
    groups(&server).await;
    pages(&server).await;
    confirmed(&server).await;
}

/// Whatever the spelling of a name, the user is the one in the directory.
async fn names(way: &str, directory: &Ldap) {
    let alice = login(directory, "alice", PASSWORD).await.unwrap();
    assert_eq!((alice.issuer(), alice.username()), ("example.test", "alice"), "{way}");
    assert_eq!(alice.subject().len(), 36, "{way}: {}", alice.subject());
    assert_eq!(alice.email().map(|email| &*email.address), Some("alice@example.test"), "{way}");
    for spelling in ["ALICE", "alice@example.test", "Alice@EXAMPLE.test"] {
        assert_eq!(login(directory, spelling, PASSWORD).await.as_ref(), Ok(&alice), "{way}: {spelling}");
    }
    assert_eq!(told(directory, "alice", "wrong").await, Err(WRONG), "{way}");
    for nobody in
        ["nobody", "alice@example.org", "EXAMPLE\\alice", "example.test/alice", "@example.test", "a*", "*"]
    {
        let denied = told(directory, nobody, PASSWORD).await.unwrap_err();
        assert!(matches!(denied, UNKNOWN | WRONG), "{way}: {nobody}: {denied:?}");
    }
    let anne = login(directory, "anne", PASSWORD).await.unwrap();
    assert_eq!(anne.groups(), &known(&["staff", "everyone"]), "{way}");
}

/// Why somebody may not sign in is told by the directory.
async fn states(way: &str, directory: &Ldap) {
    let table = [
        ("disabled", DenyReason::Disabled),
        ("mustchange", DenyReason::MustChangePassword),
        ("expired", DenyReason::Expired),
    ];
    for (name, reason) in table {
        assert_eq!(told(directory, name, PASSWORD).await, Err(denied(reason)), "{way}: {name}");
    }
}

/// Groups of the entry, nested ones, and more than one answer holds.
async fn groups(server: &ActiveDirectory) {
    let by_entry = settings(server).groups(GroupSource::member_of(ActiveDirectory::BASE)).build().unwrap();
    assert_eq!(login(&by_entry, "alice", PASSWORD).await.unwrap().groups(), &known(&["staff", "admins"]));
    let nested = settings(server).build().unwrap();
    let alice = login(&nested, "alice", PASSWORD).await.unwrap();
    assert_eq!(alice.groups(), &known(&["staff", "admins", "everyone"]));
    let required = settings(server).require_group("Everyone").deny_group("ADMINS").build().unwrap();
    assert_eq!(told(&required, "alice", PASSWORD).await, Err(denied(DenyReason::NotPermitted)));
    assert_eq!(told(&required, "bob", PASSWORD).await.as_deref(), Ok("bob"));
}

/// Groups and people come in pages, and references to other parts lose nothing.
async fn pages(server: &ActiveDirectory) {
    let base = ActiveDirectory::BASE;
    let member = format!("CN=Bob Baker,CN=Users,{base}");
    let group = |n| {
        format!("dn: CN=g{n},CN=Users,{base}\nobjectClass: group\nsAMAccountName: g{n}\nmember: {member}\n")
    };
    server.modify(&(0..25).map(group).collect::<Vec<_>>().join("\n"));
    let log = Log::new();
    let directory = settings(server).page_size(10).build().unwrap();
    let mut expected: Vec<_> = (0..25).map(|n| format!("g{n}")).collect();
    expected.extend(["staff".into(), "everyone".into()]);
    for _ in 0..2 {
        let bob = login(&directory, "bob", PASSWORD).await.unwrap();
        assert_eq!(bob.groups(), &Groups::Known(expected.iter().cloned().collect()));
    }
    assert_eq!(log.saying("returned referrals").len(), 1);
    let few = settings(server).page_size(10).max_groups(26).build().unwrap();
    assert_eq!(login(&few, "bob", PASSWORD).await.unwrap().groups(), &Groups::Unknown);
    assert_eq!(log.saying("more than 26 groups").len(), 1);

    let (mut people, mut names) = (settings(server).page_size(2).build().unwrap().everybody(), Vec::new());
    while let Some(person) = people.next().await.unwrap() {
        names.push(match person.standing.unwrap() {
            Standing::Good(identity) => identity.username().to_owned(),
            Standing::Refused(reason) => format!("{reason:?}"),
            Standing::Gone => "gone".into(),
        });
    }
    // The domain has built-in accounts, most of them disabled.
    for (name, count) in
        [("alice", 1), ("anne", 1), ("bob", 1), ("mustchange", 1), ("service", 1), ("Expired", 1)]
    {
        assert_eq!(names.iter().filter(|found| *found == name).count(), count, "{name} in {names:?}");
    }
    assert!(names.iter().any(|found| found == "Disabled"), "{names:?}");
}

/// Who is disabled or gone is told at the next confirmation.
async fn confirmed(server: &ActiveDirectory) {
    let directory = settings(server).build().unwrap();
    let bob = login(&directory, "bob", PASSWORD).await.unwrap();
    let confirm = async || directory.confirm("example.test", bob.subject()).await.unwrap();
    assert_eq!(confirm().await, Standing::Good(bob.clone()));
    let change = |what: &str| {
        server.modify(&format!("dn: CN=Bob Baker,CN=Users,{}\nchangetype: {what}\n", ActiveDirectory::BASE));
    };
    change("modify\nreplace: userAccountControl\nuserAccountControl: 514");
    assert_eq!(confirm().await, Standing::Refused(DenyReason::Disabled));
    change(
        "modify\nreplace: userAccountControl\nuserAccountControl: 512\n-\nreplace: accountExpires\naccountExpires: 1",
    );
    assert_eq!(confirm().await, Standing::Refused(DenyReason::Expired));
    change("delete");
    assert_eq!(confirm().await, Standing::Gone);
    assert_eq!(directory.confirm("example.test", "nonsense").await.unwrap(), Standing::Gone);
}
