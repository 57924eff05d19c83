//! Instances that start together make their tables together.

use auth_core::session::{SessionKey, SessionStore};
use auth_core::time::Timestamp;
use auth_sql::{SqlSessions, SqlUsers};

use crate::support::{Place, on_every_database, passwords};

on_every_database![instances_start_at_once, an_instance_that_goes_away_is_in_nobodys_way];

/// Each has its own connections, as processes do.
async fn instances_start_at_once(place: &Place) {
    let db = place.db().await;
    for round in 0..5 {
        let instances: Vec<_> = (0..8)
            .map(|_| {
                let pool = db.another_pool();
                tokio::spawn(async move {
                    let database = pool.await;
                    let sessions = SqlSessions::new(database.clone());
                    sessions.migrate().await?;
                    SqlUsers::new(database, passwords(16)).migrate().await?;
                    Ok::<_, Box<dyn std::error::Error + Send + Sync>>(sessions)
                })
            })
            .collect();
        for instance in instances {
            let sessions = instance.await.unwrap().unwrap_or_else(|error| {
                panic!("round {round}: {error}: {:?}", error.source().map(ToString::to_string))
            });
            let key = SessionKey::from_bytes([1; 32]);
            assert!(sessions.load(&key, Timestamp::from_secs(1)).await.unwrap().is_none());
        }
        for table in ["auth_sessions", "auth_user_permissions", "auth_users"] {
            db.execute(&format!("DROP TABLE {table}")).await.unwrap();
        }
    }
}

/// Whatever it was doing when it was cancelled.
async fn an_instance_that_goes_away_is_in_nobodys_way(place: &Place) {
    let db = place.db().await;
    for polls in 1..20 {
        let users = SqlUsers::new(db.database(), passwords(16));
        let mut migration = Box::pin(async move { users.migrate().await });
        for _ in 0..polls {
            tokio::select! {
                biased;
                done = &mut migration => { done.unwrap(); break }
                () = tokio::task::yield_now() => {}
            }
        }
        drop(migration);
        db.users().await;
        for table in ["auth_user_permissions", "auth_users"] {
            db.execute(&format!("DROP TABLE {table}")).await.unwrap();
        }
    }
}
