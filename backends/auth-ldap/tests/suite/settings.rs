//! Settings that cannot be right, and what is never shown.

use std::error::Error as _;
use std::time::Duration;

use auth_core::backend::Confirm as _;
use auth_ldap::{GroupSource, Ldap, LdapBuilder};
use test_servers::{Certificate, OpenLdap};

use crate::support::settings;

fn good() -> LdapBuilder {
    Ldap::builder("example.org")
        .server("ldaps://ldap.example.org")
        .authorities(Certificate::new().authority)
        .service_account("cn=service,dc=example", "secret")
        .users("dc=example", "(uid={username})")
}

fn empty() -> LdapBuilder {
    Ldap::builder("example.org").users("dc=example", "(uid={username})").anonymous_search()
}

#[test]
fn what_cannot_be_right_is_refused() {
    assert!(good().build().is_ok());
    let active = || Ldap::active_directory("example.test").server("ldaps://dc1").authorities(authority());
    assert!(active().service_account("cn=service", "secret").build().is_ok());
    assert!(active().bind_principal().without_service_account().build().is_ok());
    let table: Vec<(&str, LdapBuilder, &str)> = vec![
        ("no issuer", Ldap::builder("").server("ldaps://a"), "issuer"),
        ("no server", empty(), "server"),
        ("no URL", good().server("ldap.example.org"), "URL"),
        ("a password in the URL", good().server("ldaps://cn:canary@host"), "service_account"),
        ("nobody searches", no_searcher(), "service_account"),
        ("an empty password", good().service_account("cn=service", ""), "password"),
        ("an empty DN", good().service_account(" ", "secret"), "DN"),
        ("no base", good().users("", "(uid={username})"), "base"),
        ("a base that is none", good().users("example", "(uid={username})"), "base"),
        ("no name in the filter", good().users("dc=example", "(uid=alice)"), "{username}"),
        ("no filter", good().users("dc=example", "uid={username}"), "filter"),
        ("no name in the DN", good().bind_dn("uid=alice,dc=example"), "{username}"),
        ("nobody binds", good().without_service_account(), "bind_dn"),
        ("principals elsewhere", good().bind_principal(), "active_directory"),
        ("a group of nowhere", good().require_group("staff"), "groups"),
        ("a denied group of nowhere", good().deny_group("staff"), "groups"),
        ("groups of nowhere", good().groups(GroupSource::member_of("")), "groups"),
        ("no time", good().timeout(Duration::ZERO), "time"),
        ("no connection", good().connections(0), "connections"),
        ("pages of nothing", good().page_size(0), "page_size"),
        ("no groups at all", good().max_groups(0), "groups"),
        ("an attribute that is none", good().attribute("a)(b"), "attribute"),
        ("no authorities", good().authorities("canary"), "PEM"),
        ("TLS for nobody", empty().server("ldapi://%2Frun%2Fldapi").authorities(authority()), "TLS"),
    ];
    for (name, builder, hint) in table {
        let error = builder.build().expect_err(name).to_string();
        assert!(error.contains(hint) && !error.contains("canary"), "{name}: {error}");
    }
}

fn authority() -> String {
    Certificate::new().authority
}

fn no_searcher() -> LdapBuilder {
    let builder = Ldap::builder("example.org").server("ldaps://ldap.example.org").authorities(authority());
    builder.users("dc=example", "(uid={username})")
}

/// Nothing that is shown has a secret, or what the directory said.
#[tokio::test]
async fn secrets_are_not_shown() {
    let mut server = OpenLdap::new().start();
    let directory = settings(&server).service_account(OpenLdap::SERVICE, "canary-7f3a").build().unwrap();
    let refused = directory.confirm("example.org", "x").await.unwrap_err();
    server.kill();
    let down = directory.confirm("example.org", "x").await.unwrap_err();
    for error in [refused, down] {
        let source = error.source().map(|source| format!("{source} {source:?}")).unwrap_or_default();
        let shown = format!("{error} {error:?} {source}");
        assert!(!shown.contains("canary") && !shown.contains(OpenLdap::SERVICE), "{shown}");
        assert!(!source.is_empty());
    }
    assert!(!format!("{directory:?}").contains("canary"));
}
