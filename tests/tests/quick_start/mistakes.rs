//! What the compiler says to somebody who mixes up what proves, what holds users, and what keeps sessions.
//!
//! Its own words differ from version to version; ours are looked for.

use crate::project::Project;

const TABLE: [(&str, &str, &str); 10] = [
    (
        "a_verifier_for_a_backend",
        r#"Auth::<SqlUser>::builder().backend::<Password>("directory", directory)"#,
        "give it some by `Provisioned { verifier, users }`",
    ),
    (
        "a_shared_verifier_for_a_backend",
        r#"Auth::<SqlUser>::builder().backend::<Password>("directory", Arc::new(directory))"#,
        "give it some by `Provisioned { verifier, users }`",
    ),
    (
        "users_without_a_policy",
        r#"Auth::builder().backend::<Password>("directory", Provisioned { verifier: directory, users })"#,
        "needs a policy: `Provisioning::default().on(users)?`",
    ),
    (
        "shared_users_without_a_policy",
        r#"Auth::builder().backend::<Password>("directory", Provisioned { verifier: directory, users: Arc::new(users) })"#,
        "needs a policy: `Provisioning::default().on(users)?`",
    ),
    (
        "users_for_a_verifier",
        r#"Auth::builder().backend::<Password>("local", Provisioned { verifier: users.clone(), users: policy })"#,
        "a table of users, is added to the chain by itself",
    ),
    ("a_user_that_is_none", "takes_user::<Arc<SqlUser>>()", "name the type itself"),
    ("a_policy_on_a_pool", "Provisioning::default().on(pool)", "`.on(…)` takes a store of users"),
    (
        "users_for_what_is_confirmed",
        r#"Auth::builder().backend::<Password>("local", users.clone()).confirm("local", users, Confirmation::every(std::time::Duration::from_secs(900)))"#,
        "`.confirm(…)` takes the `Provisioned { verifier, users }`",
    ),
    (
        "a_table_of_a_type_that_is_none",
        "users.with_user::<String>()",
        "`String` cannot be read from a table of users",
    ),
    (
        "a_pool_for_a_store",
        r#"Auth::builder().backend::<Password>("local", users).sessions(pool, SessionConfig::new(KeyRing::generate().unwrap()))"#,
        "`SqlSessions::new(pool)`",
    ),
];

fn program(mistake: &str) -> String {
    format!(
        r"#![allow(unused)]
        use std::sync::Arc;
        use auth_sql::{{SqlUser, SqlUsers, sqlx::SqlitePool}};
        use auth_tower::auth_core::session::{{KeyRing, SessionConfig}};
        use auth_tower::auth_core::provisioning::{{ProvisionedUsers, Provisioning}};
        use auth_tower::auth_core::backend::{{Confirmation, MemoryDirectory, Provisioned}};
        use auth_tower::auth_core::{{Auth, Password, User}};

        fn takes_user<U: User>() {{}}

        fn mistaken(directory: MemoryDirectory, users: SqlUsers, policy: ProvisionedUsers<SqlUsers>, pool: SqlitePool) {{
            {mistake};
        }}

        fn main() {{}}"
    )
}

#[test]
fn a_mistake_is_explained() {
    let project = Project::pasted("axum");
    project.add("no_mistake", &program(r#"Auth::builder().backend::<Password>("local", users)"#));
    let built = project.build("no_mistake");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    for (name, mistake, told) in TABLE {
        project.add(name, &program(mistake));
        let built = project.build(name);
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(!built.status.success() && said.contains(told), "{name}: {said}");
    }
}

/// One error, and not one for each place where a database is missed.
#[test]
fn a_database_that_is_not_chosen_is_asked_for() {
    let project = Project::pasted("axum").with_manifest(r#", features = ["sqlite"]"#, "");
    let built = project.build("axum-site");
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(
        !built.status.success() && said.contains("enable the feature `sqlite`, `postgres` or `mysql`"),
        "{said}"
    );
    let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error")).collect();
    let ours = errors.iter().filter(|line| !line.contains("could not compile")).count();
    assert_eq!(ours, 1, "{said}");
}
