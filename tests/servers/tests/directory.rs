//! The directories know who is who, what is wrong with some, and come back after a kill.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use test_servers::{Certificate, FaultProxy, OpenLdap, Process, START_TLS_REFUSED, Way};

/// Searches as somebody; `ldapsearch` says on standard error why it could not.
fn search(directory: &OpenLdap, url: &str, who: (&str, &str), what: &[&str]) -> Output {
    let mut search = Command::new("ldapsearch");
    search.env("LDAPTLS_CACERT", directory.folder().join("authority.pem"));
    search.args(["-x", "-LLL", "-o", "ldif-wrap=no", "-e", "ppolicy", "-H", url, "-b", OpenLdap::BASE]);
    search.args(["-D", who.0, "-w", who.1]).args(what).output().unwrap()
}

/// What a search as the service account finds.
#[track_caller]
fn found(directory: &OpenLdap, url: &str, what: &[&str]) -> String {
    let service = (OpenLdap::SERVICE, OpenLdap::SERVICE_PASSWORD);
    let output = search(directory, url, service, what);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a bind as a person brings: the result code, and what is said besides.
fn bind(directory: &OpenLdap, dn: &str, password: &str) -> (i32, String) {
    let output = search(directory, &directory.url(), (dn, password), &["-s", "base", "dn"]);
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn person(uid: &str) -> String {
    format!("uid={uid},ou=people,{}", OpenLdap::BASE)
}

fn entries(found: &str) -> usize {
    found.lines().filter(|line| line.starts_with("dn:")).count()
}

#[test]
fn open_ldap_knows_people_and_groups_by_every_way() {
    let directory = OpenLdap::new().start();
    let (url, tls_url) = (directory.url(), directory.tls_url());
    for (name, url, further) in
        [("plain", &url, None), ("StartTLS", &url, Some("-ZZ")), ("ldaps", &tls_url, None)]
    {
        let mut what = vec!["(uid=alice)", "mail", "memberOf"];
        what.splice(0..0, further);
        let alice = found(&directory, url, &what);
        assert!(alice.contains("mail: alice@example.org"), "{name}: {alice}");
        assert_eq!(alice.matches("memberOf: cn=").count(), 2, "{name}: {alice}");
    }
    let awkward =
        found(&directory, &url, &[r"(member=cn=Änne\5C, O'Hara \28x\29\5C+y,ou=people,dc=example,dc=org)"]);
    assert!(awkward.contains("cn: staff"), "{awkward}");
    for (filter, count) in [
        ("(mail=twins@example.org)", 2),
        ("(memberUid=alice)", 2),
        ("(&(objectClass=groupOfNames)(member=cn=staff,ou=groups,dc=example,dc=org))", 1),
        ("(&(objectClass=inetOrgPerson)(!(mail=*)))", 0),
    ] {
        assert_eq!(entries(&found(&directory, &url, &[filter, "dn"])), count, "{filter}");
    }
    let everybody = search(&directory, &url, (OpenLdap::SERVICE, OpenLdap::SERVICE_PASSWORD), &["(uid=u*)"]);
    assert_eq!(
        (everybody.status.code(), entries(&String::from_utf8_lossy(&everybody.stdout))),
        (Some(4), 100)
    );
}

#[test]
fn open_ldap_judges_binds() {
    let directory = OpenLdap::new().start();
    let (alice, bob) = (person("alice"), person("bob"));
    for (name, dn, password, code, says) in [
        ("right", &*alice, "alicepw", 0, ""),
        ("an awkward DN", OpenLdap::AWKWARD, "annepw", 0, ""),
        ("the last of many", &person("u199"), "u199pw", 0, ""),
        ("wrong", &bob, "wrong", 49, ""),
        ("unknown", &person("nobody"), "wrong", 49, ""),
        ("locked", &person("locked"), "lockedpw", 49, "Account locked"),
        ("too old", &person("expired"), "expiredpw", 49, "Password expired"),
        ("to be changed", &person("mustchange"), "mustchangepw", 50, "must be changed"),
        ("no password", &alice, "", 53, ""),
        ("nobody", "", "", 50, ""),
    ] {
        let (got, said) = bind(&directory, dn, password);
        assert_eq!(got, code, "{name}: {said}");
        assert!(said.contains(says), "{name}: {said}");
    }
}

#[test]
fn open_ldap_takes_empty_passwords_when_it_is_told_to() {
    let directory = OpenLdap::new().with_unauthenticated_binds().start();
    let mut whoami = Command::new("ldapwhoami");
    whoami.args(["-x", "-H", &directory.url(), "-D", &person("alice"), "-w", ""]);
    assert_eq!(String::from_utf8_lossy(&whoami.output().unwrap().stdout).trim(), "anonymous");
}

#[test]
fn open_ldap_locks_after_three_wrong_passwords_and_can_be_changed() {
    let directory = OpenLdap::new().start();
    let bob = person("bob");
    for _ in 0..3 {
        assert_eq!(bind(&directory, &bob, "wrong").0, 49);
    }
    let (code, said) = bind(&directory, &bob, "bobpw");
    assert!(code == 49 && said.contains("Account locked"), "{said}");
    directory.modify(&format!(
        "dn: {bob}\nchangetype: modify\ndelete: pwdAccountLockedTime\n-\nreplace: userPassword\nuserPassword: new\n"
    ));
    assert_eq!(bind(&directory, &bob, "new").0, 0);
    directory.modify(&format!(
        "dn: cn=staff,ou=groups,{}\nchangetype: modify\ndelete: member\nmember: {bob}\n",
        OpenLdap::BASE
    ));
    let found = found(&directory, &directory.url(), &["(uid=bob)", "memberOf"]);
    assert!(entries(&found) == 1 && !found.contains("memberOf"), "{found}");
    directory.modify(&format!("dn: {bob}\nchangetype: delete\n"));
    assert_eq!(bind(&directory, &bob, "new").0, 49);
}

#[test]
fn open_ldap_comes_back_and_counts() {
    let mut directory = OpenLdap::new().start();
    let alice = person("alice");
    assert_eq!((directory.connections(), directory.binds().contains(&alice)), (0, false));
    bind(&directory, &alice, "alicepw");
    bind(&directory, &alice, "wrong");
    counts_to(&directory, &alice, 2);
    directory.kill();
    let (code, said) = bind(&directory, &alice, "alicepw");
    assert!(said.contains("Can't contact"), "{code}: {said}");
    directory.start_again();
    assert_eq!(bind(&directory, &alice, "alicepw").0, 0);
    counts_to(&directory, &alice, 1);
}

/// So many connections, and as many binds of this one. The log may come after the answer.
fn counts_to(directory: &OpenLdap, dn: &str, times: usize) {
    let binds = || directory.binds().iter().filter(|other| *other == dn).count();
    let deadline = Instant::now() + Duration::from_secs(120);
    while (directory.connections(), binds()) != (times, times) {
        assert!(Instant::now() < deadline, "{} {:?}", directory.connections(), directory.binds());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn open_ldap_shows_other_certificates() {
    let mut directory = OpenLdap::new().start();
    let new = || Certificate::new();
    // What it shows, and what is trusted: `authority.pem` is written with the one, and replaced by the other.
    for (name, certificate, trusts_another, passes) in [
        ("new", new(), false, true),
        ("of another authority", new(), true, false),
        ("of another name", Certificate::of("elsewhere.test"), false, false),
        ("expired", Certificate::expired(), false, false),
    ] {
        certificate.write_to(directory.folder());
        directory.kill();
        directory.start_again();
        if trusts_another {
            std::fs::write(directory.folder().join("authority.pem"), new().authority).unwrap();
        }
        let service = (OpenLdap::SERVICE, OpenLdap::SERVICE_PASSWORD);
        let output = search(&directory, &directory.tls_url(), service, &["(uid=alice)"]);
        assert_eq!(output.status.success(), passes, "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn open_ldap_refuses_start_tls_by_proxy() {
    let directory = OpenLdap::new().start();
    let proxy = FaultProxy::before(directory.port());
    proxy.set(Way::Answers(START_TLS_REFUSED));
    let service = (OpenLdap::SERVICE, OpenLdap::SERVICE_PASSWORD);
    let output = search(&directory, &proxy.url(&directory.url()), service, &["-ZZ"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("ldap_start_tls: Server is unavailable (52)"), "{said}");
    assert!(!directory.log().contains("STARTTLS"), "it was not asked");
}

#[test]
fn the_example_is_ready_and_leaves_nothing() {
    // Its ports are free when it has gone, and nobody else takes them.
    let mut place = OpenLdap::new().start();
    place.kill();
    let port = place.port();
    let folder = place.folder().join("example");
    let mut example = Command::new(env!("CARGO_BIN_EXE_directory"));
    example.args([port, port + 1].map(|port| port.to_string())).arg(&folder);
    let example = Process::start(&mut example);
    example.line_with("ldapsearch");
    assert!(folder.join("authority.pem").exists());
    assert_eq!(bind(&place, &person("alice"), "alicepw").0, 0);
    example.terminate();
    let deadline = Instant::now() + Duration::from_secs(120);
    while folder.exists() || bind(&place, &person("alice"), "alicepw").0 == 0 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
}
