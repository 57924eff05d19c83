//! Three attempts at a door: `cargo run -p custom-backend`.

use std::error::Error;

use auth_core::{Auth, Passwords, RequestFacts, Secret, UserId};
use custom_backend::{Badge, Badges, Employee};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let passwords = Passwords::new()?;
    let pin = passwords.hash(&Secret::new("2718")).await?;
    let ada = Employee { id: UserId::from(4242), name: "Ada".into(), pin, active: true };
    let auth = Auth::builder().backend::<Badge>("badges", Badges::new(passwords, [ada])).build()?;

    for (number, pin) in [("4242", "2718"), ("4242", "3141"), ("7007", "2718")] {
        let badge = Badge { number: number.into(), pin: Secret::new(pin) };
        match auth.authenticate(badge, &RequestFacts::none()).await {
            Ok(done) => println!("badge {number}: welcome, {}, says {}", done.user().name, done.backend()),
            Err(denied) => println!("badge {number}: {denied}"),
        }
    }
    Ok(())
}
