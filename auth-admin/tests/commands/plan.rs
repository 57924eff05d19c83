//! Planning the logins of a whole directory.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use auth_admin::{Admin, Command as Admins};
use auth_core::backend::{Outcome, Provisioner, Standing};
use auth_core::provisioning::{AttributeRule, Provisioning, Reports, Right};
use auth_core::{Passwords, User};
use auth_ldap::{GroupSource, Ldap};
use auth_sql::{SqlSessions, SqlUsers, UserTable};
use sqlx::sqlite::SqlitePool;
use test_servers::{OpenLdap, OpenLdapOptions};

use crate::site::{PATIENCE, Ran, Site};

const PEOPLE: &str = "ou=people,dc=example,dc=org";
const GROUPS: &str = "ou=groups,dc=example,dc=org";
/// People about whom more than a number is known.
const NAMED: &str = "(&(uid={username})(!(uid=u*)))";
/// The last line if no user is created or changed, and so on.
const NUMBERS: &str = "nothing changes for";

/// A directory that gives all pages that are asked for.
fn generous() -> OpenLdapOptions {
    OpenLdap::new().with("sizelimit", "size.prtotal=unlimited")
}

/// The command, for the people that this filter finds. Further arguments replace the defaults.
fn plan(site: &Site, server: &OpenLdap, filter: &str, further: &[&str]) -> Command {
    let (url, authority) = (server.url(), server.folder().join("authority.pem").display().to_string());
    let settings = [
        ["--directory", &url],
        ["--authorities", &authority],
        ["--issuer", "example.org"],
        ["--service-account", OpenLdap::SERVICE],
        ["--people", PEOPLE],
        ["--filter", filter],
        ["--groups", "member-of"],
        ["--group-base", GROUPS],
    ];
    let settings = settings.into_iter().filter(|[option, _]| !further.contains(option)).flatten();
    let arguments: Vec<_> = settings.chain(further.iter().copied()).chain(["plan-users"]).collect();
    let mut command = site.command(&arguments);
    command.env("LDAP_PASSWORD", OpenLdap::SERVICE_PASSWORD);
    command
}

fn ran(mut command: Command) -> Ran {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The same settings in an application.
fn directory(server: &OpenLdap) -> Ldap {
    let directory = Ldap::builder("example.org")
        .server(server.url())
        .authorities(server.authority())
        .service_account(OpenLdap::SERVICE, OpenLdap::SERVICE_PASSWORD)
        .users(PEOPLE, NAMED)
        .attribute("sn")
        .groups(GroupSource::member_of(GROUPS))
        .connect_timeout(PATIENCE)
        .operation_timeout(PATIENCE)
        .timeout(PATIENCE);
    directory.build().unwrap()
}

/// Signs in everybody who may, as far as the table is concerned, and says who.
async fn sign_in_everybody(directory: &Ldap, users: &impl Provisioner) -> Vec<String> {
    let (mut people, mut names) = (directory.everybody(), Vec::new());
    while let Some(person) = people.next().await.unwrap() {
        if let Ok(Standing::Good(identity)) = person.standing {
            names.push(identity.username().to_owned());
            let outcome = users.provision(identity, &Reports::new()).await.unwrap();
            assert!(matches!(outcome, Outcome::Accept(_)));
        }
    }
    names
}

/// All that is stored.
fn stored(site: &Site) -> Vec<u8> {
    fs::read(site.dir.path().join("users.db")).unwrap()
}

/// It says what logins would do, writes nothing, and is right about it.
#[tokio::test]
async fn a_plan_comes_true() {
    let (site, server) = (Site::new(), generous().start());
    let grants = ["--grant", "staff=orders.read", "--grant", "admins=orders.delete"];
    let before = stored(&site);
    let planned = ran(plan(&site, &server, NAMED, &grants));
    assert_eq!((planned.code, planned.err.as_str()), (2, ""), "{planned:?}");
    assert!(stored(&site) == before, "nothing is written");
    let alice = format!("uid=alice,{PEOPLE}: create user \"alice\" for ");
    let of_alice: Vec<_> = planned.out.lines().skip_while(|line| !line.starts_with(&alice)).take(3).collect();
    assert_eq!(
        of_alice[1..],
        ["  + permission \"orders.delete\"", "  + permission \"orders.read\""],
        "{planned:?}"
    );
    assert!(planned.out.contains(&format!("uid=locked,{PEOPLE}: refuse: Locked\n")), "{planned:?}");
    let numbers = "would create 7 users, update 0 and refuse 1; nothing changes for 0, unknown for 0";
    assert_eq!(planned.out.lines().last(), Some(numbers));

    let policy = Provisioning::builder().grant("staff", Right::permission("orders.read"));
    let policy = policy.grant("admins", Right::permission("orders.delete")).build().unwrap();
    let users = policy.on(site.users().await).unwrap();
    let names = sign_in_everybody(&directory(&server), &users).await;
    assert_eq!(names.len(), 7, "{names:?}");
    assert!(stored(&site) != before, "a login writes");
    let shown = site.done(&["show-user", "alice"]);
    assert!(shown.contains("permissions  orders.delete, orders.read"), "{shown}");

    let planned = ran(plan(&site, &server, NAMED, &grants));
    assert_eq!((planned.code, planned.out.matches(": nothing changes\n").count()), (0, 7), "{planned:?}");
    let mut few = plan(&site, &server, NAMED, &grants);
    few.arg("--changes");
    let few = ran(few);
    assert_eq!((few.code, few.out.lines().count()), (0, 2), "who is refused, and the numbers: {few:?}");

    // Somebody leaves a group, somebody is disabled here, and somebody's name is taken by another one.
    server.modify(&format!(
        "dn: cn=staff,{GROUPS}\nchangetype: modify\ndelete: member\nmember: uid=bob,{PEOPLE}\n\n\
         dn: uid=new,{PEOPLE}\nobjectClass: inetOrgPerson\nuid: new\ncn: New\nsn: New\n"
    ));
    site.done(&["disable", "anne"]);
    site.create("New");
    let planned = ran(plan(&site, &server, NAMED, &grants));
    assert_eq!(planned.code, 2, "{planned:?}");
    for expected in [
        "uid=bob,ou=people,dc=example,dc=org: update user ",
        " (\"bob\")\n  - permission \"orders.read\"\n",
        "cn=Änne\\2C O'Hara (x)\\2By,ou=people,dc=example,dc=org: refuse: Disabled\n",
        "uid=new,ou=people,dc=example,dc=org: refuse: NameTaken\n",
        "would create 0 users, update 1 and refuse 3; nothing changes for 5, unknown for 0\n",
    ] {
        assert!(planned.out.contains(expected), "{expected} in {planned:?}");
    }
}

/// Two who would get one name are told, though each alone would.
#[tokio::test]
async fn a_name_is_planned_once() {
    let (site, server) = (Site::new(), generous().start());
    server.modify(&format!(
        "dn: cn=Other,{PEOPLE}\nobjectClass: inetOrgPerson\nuid: bob\ncn: Other\nsn: Other\n"
    ));
    let planned = ran(plan(&site, &server, "(&(uid={username})(uid=b*))", &[]));
    assert_eq!((planned.code, planned.out.matches("create user \"bob\"").count()), (2, 2), "{planned:?}");
    assert_eq!(
        planned.out.matches("\n  ! another person above would get this name, too").count(),
        1,
        "{planned:?}"
    );
}

/// 10,000 people are planned in pages, and memory does not grow with them.
#[tokio::test]
async fn a_whole_directory_is_planned_in_pages() {
    const MANY: usize = 10_000;
    let (site, server) = (Site::new(), generous().start());
    // Long names: who kept them all would need much memory.
    let (mut people, long) = (String::new(), "x".repeat(1_200));
    for n in 0..MANY {
        let class = "objectClass: inetOrgPerson";
        _ = write!(people, "dn: uid=x{n},{PEOPLE}\n{class}\nuid: x{n}\ncn: {long}\nsn: {n}\n\n");
    }
    server.modify(&people);
    let before = stored(&site);
    let few = watched(plan(&site, &server, "(&(uid={username})(uid=u*))", &[]));
    assert!(few.0.out.contains("would create 200 users"), "{:?}", few.0);
    let searches = server.searches();
    let many = watched(plan(&site, &server, "(&(uid={username})(uid=x*))", &[]));
    let (planned, numbers) =
        (&many.0, format!("would create {MANY} users, update 0 and refuse 0; {NUMBERS} 0, "));
    assert!(planned.out.lines().last().unwrap().starts_with(&numbers), "{}", planned.err);
    assert_eq!((planned.code, planned.out.lines().count()), (2, MANY + 1));
    assert_eq!(planned.err, "planned 5000\nplanned 10000\n", "plain lines where there is no terminal");
    let pages = server.searches() - searches - MANY;
    assert!((20..=21).contains(&pages), "{pages} pages of 500");
    println!("peak memory: {} KiB for 200 people, {} KiB for {MANY}", few.1, many.1);
    assert!(many.1 < few.1 + 8 * 1024, "{} KiB for 200 people, {} KiB for {MANY}", few.1, many.1);
    assert!(stored(&site) == before, "nothing is written");
}

/// What a program did, and the most memory it was seen to hold, in KiB.
fn watched(mut command: Command) -> (Ran, u64) {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let read = |mut from: Box<dyn Read + Send>| {
        thread::spawn(move || {
            let mut text = String::new();
            from.read_to_string(&mut text).map(|_| text).unwrap()
        })
    };
    let (out, err) =
        (read(Box::new(child.stdout.take().unwrap())), read(Box::new(child.stderr.take().unwrap())));
    let mut peak = 0;
    let status = loop {
        peak = peak.max(memory(&child).unwrap_or_default());
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    assert!(peak > 0, "Linux tells the memory of processes");
    (Ran { code: status.code().unwrap(), out: out.join().unwrap(), err: err.join().unwrap() }, peak)
}

/// The most that it has held so far.
fn memory(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()
}

/// What is cut off by a limit is no plan, and the limit has a name.
#[tokio::test]
async fn some_people_are_no_plan() {
    let (site, server) = (Site::new(), OpenLdap::new().start());
    let planned = ran(plan(&site, &server, "(uid={username})", &["--page-size", "40"]));
    assert_eq!(planned.code, 1, "{planned:?}");
    assert!(planned.err.contains("80 were planned, but "), "{planned:?}");
    assert!(planned.err.contains("gave 100 entries and no more (sizeLimitExceeded)"), "{planned:?}");
    assert!(!planned.out.contains(NUMBERS), "{planned:?}");
}

/// Who is in too many groups is told, and so are all others.
#[tokio::test]
async fn unknown_groups_are_told_with_their_reason() {
    let (site, server) = (Site::new(), generous().start());
    let further = ["--max-groups", "1", "--grant", "staff=orders.read"];
    let filter = "(&(uid={username})(|(uid=alice)(uid=bob)))";
    for source in ["member-of", "members"] {
        let planned = ran(plan(&site, &server, filter, &[&further[..], &["--groups", source]].concat()));
        assert_eq!(planned.code, 1, "{source}: {planned:?}");
        for expected in [
            "uid=alice,ou=people,dc=example,dc=org: not known: ",
            "more than 1 groups",
            "create user \"bob\"",
        ] {
            assert!(planned.out.contains(expected), "{source}: {expected} in {planned:?}");
        }
        assert!(planned.err.contains("what 1 logins would change is not known"), "{planned:?}");
    }
    let lenient = [&further[..], &["--keep-rights-if-groups-are-unknown"]].concat();
    let planned = ran(plan(&site, &server, filter, &lenient));
    assert!(planned.code == 2 && planned.out.contains("the groups are unknown"), "{planned:?}");
}

/// What cannot be planned has another exit code than a change.
#[tokio::test]
async fn what_cannot_be_planned_is_no_change() {
    let (site, mut server) = (Site::new(), generous().start());
    let nothing = site.run(&["plan-users"]);
    assert!(nothing.code == 1 && nothing.err.contains("--directory"), "{nothing:?}");
    let table: [(&[&str], &str); 5] = [
        (&["--grant", "staff"], "GROUP=PERMISSION"),
        (&["--guard-last", "orders.read"], "guarded"),
        (&["--people", "people"], "DN"),
        (&["--page-size", "0"], "page_size"),
        (&["--authorities", "/nowhere"], "/nowhere cannot be read"),
    ];
    for (further, hint) in table {
        let refused = ran(plan(&site, &server, NAMED, further));
        assert!(refused.code == 1 && refused.err.contains(hint), "{further:?}: {refused:?}");
    }
    let domain = ["--directory", "ldaps://dc1.example.test", "--active-directory", "example.test"];
    for (further, hint) in
        [(["--people", "DC=example"], "--filter"), (["--filter", "(cn={username})"], "--people")]
    {
        let refused = site.run(&[&domain[..], &further, &["plan-users"]].concat());
        assert!(refused.code == 1 && refused.err.contains(hint), "{further:?}: {refused:?}");
    }
    let mut silent = plan(&site, &server, NAMED, &[]);
    silent.env_remove("LDAP_PASSWORD");
    let silent = ran(silent);
    assert!(silent.code == 1 && silent.err.contains("LDAP_PASSWORD"), "{silent:?}");
    server.kill();
    let down = ran(plan(&site, &server, NAMED, &[]));
    assert_eq!((down.code, down.out.as_str()), (75, ""), "{down:?}");
}

/// An application plans with its own table, directory and policy.
#[tokio::test]
async fn an_application_plans_with_its_own_settings() {
    let (site, server) = (Site::new(), generous().start());
    let pool = SqlitePool::connect(&site.database).await.unwrap();
    sqlx::query("ALTER TABLE auth_users ADD COLUMN family TEXT").execute(&pool).await.unwrap();
    let table = UserTable::default().with_attribute("family").unwrap();
    let passwords = Passwords::builder().wait(PATIENCE).build().unwrap();
    let users = SqlUsers::new(pool.clone(), passwords).with_table(table);
    let policy = |field| Provisioning::builder().attribute(field, AttributeRule::of("sn")).build().unwrap();
    let admin = || Admin::new(users.clone(), SqlSessions::new(pool.clone()), "local").unwrap();
    let error = admin().with_directory(directory(&server), &policy("shoe")).unwrap_err();
    assert!(error.to_string().contains("shoe"), "{error}");
    let admin = admin().with_directory(directory(&server), &policy("family")).unwrap();
    let planned = async || admin.run(Admins::PlanUsers { changes: false }).await;
    assert_eq!(planned().await, ExitCode::from(2));
    sign_in_everybody(&directory(&server), &policy("family").on(users.clone()).unwrap()).await;
    assert_eq!(planned().await, ExitCode::SUCCESS);
    assert!(users.find("alice").await.unwrap().is_some_and(|alice| alice.is_active()));
    server.modify(&format!("dn: uid=alice,{PEOPLE}\nchangetype: modify\nreplace: sn\nsn: Other\n"));
    assert_eq!(planned().await, ExitCode::from(2));
}
