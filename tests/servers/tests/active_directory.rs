//! An Active Directory has its own ways, and comes back after a kill.

use std::process::{Command, Output};

use test_servers::ActiveDirectory;

/// Searches as somebody; `ldapsearch` says on standard error why it could not.
fn search(directory: &ActiveDirectory, url: &str, who: &str, what: &[&str]) -> Output {
    let mut search = Command::new("ldapsearch");
    search.env("LDAPTLS_CACERT", directory.folder().join("authority.pem"));
    search.args(["-x", "-LLL", "-o", "ldif-wrap=no", "-H", url, "-b", ActiveDirectory::BASE]);
    search.args(["-D", who, "-w", ActiveDirectory::PASSWORD]).args(what).output().unwrap()
}

/// The result code of a bind, and what is said about it.
fn bind(directory: &ActiveDirectory, who: &str, password: &str) -> (i32, String) {
    let output = search(directory, &directory.tls_url(), who, &["-w", password, "-s", "base", "dn"]);
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn finds(directory: &ActiveDirectory, url: &str, what: &[&str]) -> usize {
    let output = search(directory, url, "service@example.test", what);
    assert!(output.status.success(), "{what:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with("dn:")).count()
}

fn judges_binds(directory: &ActiveDirectory) {
    for (name, who, password, code, says) in [
        ("right", "alice@example.test", ActiveDirectory::PASSWORD, 0, ""),
        ("in short", r"EXAMPLE\alice", ActiveDirectory::PASSWORD, 0, ""),
        ("an awkward DN", ActiveDirectory::AWKWARD, ActiveDirectory::PASSWORD, 0, ""),
        ("wrong", "alice@example.test", "wrong", 49, "data 52e"),
        ("unknown", "nobody@example.test", "wrong", 49, "data 52e"),
        ("disabled", "disabled@example.test", ActiveDirectory::PASSWORD, 49, "data 533"),
        ("to be changed", "mustchange@example.test", ActiveDirectory::PASSWORD, 49, "data 773"),
        ("account ended", "expired@example.test", ActiveDirectory::PASSWORD, 49, "data 701"),
        ("wrong 1", "bob@example.test", "wrong", 49, "data 52e"),
        ("wrong 2", "bob@example.test", "wrong", 49, "data 52e"),
        ("wrong 3", "bob@example.test", "wrong", 49, "data 52e"),
        ("locked", "bob@example.test", ActiveDirectory::PASSWORD, 49, "data 775"),
    ] {
        let (got, said) = bind(directory, who, password);
        assert_eq!(got, code, "{name}: {said}");
        assert!(said.contains(says), "{name}: {said}");
    }
}

#[test]
fn it_is_one() {
    let Some(mut directory) = ActiveDirectory::start_where_allowed() else { return };
    let (url, tls_url) = (directory.url(), directory.tls_url());
    judges_binds(&directory);

    let plain = search(&directory, &url, "alice@example.test", &["dn"]);
    assert_eq!(plain.status.code(), Some(8), "strong authentication is required");
    assert_eq!(finds(&directory, &url, &["-ZZ", "(sAMAccountName=alice)"]), 1);
    let alice = format!("CN=Alice Archer,CN=Users,{}", ActiveDirectory::BASE);
    let direct = format!("(member={alice})");
    let nested = format!("(member:1.2.840.113556.1.4.1941:={alice})");
    assert_eq!((finds(&directory, &tls_url, &[&direct]), finds(&directory, &tls_url, &[&nested])), (2, 3));

    for (asked, given, values) in [("0-1", "0-1", 2), ("2-*", "2-*", 1), ("1-1", "1-1", 1)] {
        let (attribute, staff) = (format!("member;range={asked}"), "(sAMAccountName=staff)");
        let output = search(&directory, &tls_url, "service@example.test", &[staff, &attribute]);
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(found.matches(&format!("member;range={given}:")).count(), values, "{asked}: {found}");
    }

    directory.modify(&format!(
        "dn: {alice}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n"
    ));
    directory.kill();
    assert!(bind(&directory, "service@example.test", ActiveDirectory::PASSWORD).1.contains("Can't contact"));
    directory.start_again();
    let (code, said) = bind(&directory, "alice@example.test", ActiveDirectory::PASSWORD);
    assert!(code == 49 && said.contains("data 533"), "{said}");
}
