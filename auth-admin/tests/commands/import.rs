//! Importing users from a file.

use std::fmt::Write;
use std::thread;
use std::time::Instant;

use sqlx::sqlite::SqlitePool;

use crate::site::{GOOD, PATIENCE, Site};

/// Django's hash of `  spaced  `.
const SPACED: &str = "pbkdf2_sha256$1000$Zr4Kx0a1TnQ8bVdW5mLy2s$K+TO+B5AOutM0Ks9zyv1RZSDgxijXy6AtaLyBf9neGM=";

fn import<'a>(file: &'a str, further: &[&'a str]) -> Vec<&'a str> {
    [&["--accept", "django", "import-users", file], further].concat()
}

/// What every database must do: the tests with servers come by here.
pub(crate) async fn an_import_is_whole(site: &Site) {
    let text = format!(
        "\u{feff}password,active,username\n{SPACED},true,Carol\n\"{SPACED}\",f,dave\n,1,erin\n!x,TRUE,\"frank, jr.\"\n"
    );
    let file = site.file("users.csv", &text);
    let file = file.to_str().unwrap();
    assert_eq!(site.done(&import(file, &["--dry-run"])), "would create 4 users; 0 are there already\n");
    assert_eq!(site.run(&["show-user", "carol"]).code, 1, "nobody was created");
    assert_eq!(site.done(&import(file, &[])), "created 4 users; 0 were there already\n");
    assert!(site.signs_in("carol", "  spaced  ").await && !site.signs_in("carol", "spaced").await);
    assert!(!site.signs_in("dave", "  spaced  ").await, "he is disabled");
    assert!(!site.signs_in("erin", "").await && !site.signs_in("frank, jr.", "x").await);
    assert_eq!(site.done(&import(file, &[])), "created 0 users; 4 were there already\n");
    site.done(&["enable", "dave"]);
    assert!(site.signs_in("dave", "  spaced  ").await);
}

#[tokio::test]
async fn an_import_is_whole_in_sqlite() {
    an_import_is_whole(&Site::new()).await;
}

/// All problems are reported, with their lines and without a hash, and then no user is created.
#[tokio::test]
async fn all_problems_are_told_first() {
    let site = Site::new();
    site.create("taken");
    let cut = &SPACED[..SPACED.len() - 9];
    let text = format!(
        "username,password\nalice,{SPACED}\nALICE,{SPACED}\nTaken,{SPACED}\nmd5,5f4dcc3b5aa765d61d8327deb882cf99\n\
         plain,canary\ncut,{cut}\n a,{SPACED}\nshort\nlong,{SPACED},x\n\
         costly,pbkdf2_sha256$4294967295$salt$K+TO+B5AOutM0Ks9zyv1RZSDgxijXy6AtaLyBf9neGM=\nfine,\n"
    );
    let file = site.file("users.csv", &text);
    let unreadable = "the password hash is not usable: it cannot be read";
    let expected = [
        "line 3: ALICE is the name in line 2 too".into(),
        "line 4: the name Taken is taken by a user with another password".into(),
        format!("line 5: {unreadable}"),
        format!("line 6: {unreadable}"),
        format!("line 7: {unreadable}"),
        "line 8: a user name has no space at its ends and no two in a row".into(),
        "line 9: it has 1 values instead of 2".into(),
        "line 10: it has 3 values instead of 2".into(),
        "line 11: the password hash is not usable: its costs are beyond the limits".into(),
        "error: 9 problems: nobody was created".into(),
    ];
    for further in [&["--dry-run"][..], &[]] {
        let ran = site.run(&import(file.to_str().unwrap(), further));
        assert_eq!(ran.code, 1);
        assert_eq!(ran.err.lines().collect::<Vec<_>>(), expected);
    }
    assert_eq!(site.count().await, 1);
    assert!(site.signs_in("taken", GOOD).await);
    let ran = site.run(&["import-users", file.to_str().unwrap()]);
    assert!(
        ran.err.contains("line 2: the password hash is not usable: its format is not accepted"),
        "{ran:?}"
    );
}

#[test]
fn files_that_are_none_are_refused() {
    let site = Site::new();
    let bytes = site.dir.path().join("bytes.csv");
    std::fs::write(&bytes, b"username,password\nal\xffice,\n").unwrap();
    let table = [
        (site.file("empty.csv", ""), "the first line must name the columns"),
        (site.file("bare.csv", "canary,canary\n"), "the first line must name the columns"),
        (site.file("more.csv", "username,password,email\n"), "the first line must name the columns"),
        (site.file("active.csv", "username,password,active\na,,yes\n"), "line 2: `active` is neither"),
        (bytes, "line 2: it is not UTF-8"),
        (site.dir.path().join("missing.csv"), "cannot be read"),
    ];
    for (file, why) in table {
        let ran = site.run(&["import-users", file.to_str().unwrap()]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
        assert!(ran.err.contains(why) && !ran.err.contains("canary"), "{ran:?}");
    }
}

/// Killed in the middle, it goes on when it is run again: everybody is there, once.
#[tokio::test]
async fn an_import_that_is_killed_goes_on() {
    let site = Site::new();
    let mut text = String::from("username,password\n");
    for n in 0..10_000 {
        writeln!(text, "user{n},{SPACED}").unwrap();
    }
    let file = site.file("users.csv", &text);
    let arguments = import(file.to_str().unwrap(), &[]);
    // However fast the machine is, it comes as far as this user and no further.
    let pool = SqlitePool::connect(&site.database).await.unwrap();
    for sql in [
        "CREATE VIEW endless AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n",
        "CREATE TRIGGER stall BEFORE INSERT ON auth_users WHEN NEW.username = 'user2100' \
            BEGIN SELECT max(x) FROM endless; END",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    let mut child = site.command(&arguments).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while site.count().await < 1_000 {
        assert!(Instant::now() < deadline, "it creates some");
        thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    sqlx::query("DROP TRIGGER stall").execute(&pool).await.unwrap();
    let before = site.count().await;
    assert!((1_000..=2_000).contains(&before) && before % 500 == 0, "{before} are whole batches");

    let ran = site.run(&arguments);
    assert_eq!(ran.out, format!("created {} users; {before} were there already\n", 10_000 - before));
    assert_eq!((ran.code, site.count().await), (0, 10_000));
    assert!(ran.err.contains("imported 5000 of 10000"), "{ran:?}");
    assert!(site.signs_in("user0", "  spaced  ").await && site.signs_in("user9999", "  spaced  ").await);
}
