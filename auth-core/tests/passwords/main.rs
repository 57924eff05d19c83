//! Stored passwords in the formats of other programs.

mod equal_work;
mod foreign;
mod hostile;
mod upgrade;
mod vectors;

use std::time::Duration;

use auth_core::password::{Argon2Cost, Format, PasswordsBuilder, Verdict};
use auth_core::{Passwords, Secret};

/// The password of nearly all hashes here.
const PASSWORD: &str = "correct horse battery staple";

/// Django's formats and all others, at the costs that the tests' hashes have.
const ALL: [Format; 12] = [
    Format::django_pbkdf2_sha256(1_000),
    Format::django_pbkdf2_sha1(1_000),
    Format::django_scrypt(4, 1, 1),
    Format::django_bcrypt(4),
    Format::django_bcrypt_sha256(4),
    Format::django_argon2(Argon2Cost::MINIMUM),
    Format::pbkdf2_sha256(1_000),
    Format::pbkdf2_sha512(1_000),
    Format::scrypt(4, 8, 2),
    Format::bcrypt(4),
    Format::sha256_crypt(1_000),
    Format::sha512_crypt(1_000),
];

/// One hash in each of these formats, of [`PASSWORD`]: made by Django 6.1, Python's hashlib and libxcrypt.
const HASHES: [&str; 17] = [
    "pbkdf2_sha1$1000$seasalt$9iRYj0as1r5j+cCBxB+HMlxkyr4=",
    "scrypt$16384$Zr4Kx0a1TnQ8bVdW5mLy2s$8$1$dq6W5ZZkw8Mtl/kVDaoSzCih7rH2486MxyiIhyvicjOcghWaP5M2DXTvfpjU7RaW1ZdKfAZedzwm+C15pga6EA==",
    "bcrypt$$2b$04$f9bH96g6MXeaMfauQs4Vq.M.VWaq41GldVkWJbZn3QzHE10ilM.u6",
    "bcrypt_sha256$$2b$04$EG2WIvAhoPdgWyGwTGLfs.1NZKjFXgwOQzbZ7Zx9wKlagbuqkHUI6",
    "argon2$argon2id$v=19$m=64,t=1,p=1$WnI0S3gwYTFUblE4YlZkVzVtTHkycw$UASjcG0JICWRhm/0O6BNJU/uWhy05FWQeyI7oizqQnw",
    "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$ppsXnjrdPB4KryJ6DrOqKqhkWrhv7PbKAMF1Eml8cZ4",
    "$pbkdf2-sha256$i=1000$AAECAwQFBgcICQoLDA0ODw$ppsXnjrdPB4KryJ6DrOqKqhkWrhv7PbKAMF1Eml8cZ4",
    "$pbkdf2-sha512$i=1000,l=64$AAECAwQFBgcICQoLDA0ODw$A6AmFIti7CKlYdoPiV9jf1d9llp37o27Wms8Zx8fwMJGCOigJzAthOW3Pg+XF5PnNiYnsQsIz1N5NtynrEm78w",
    "$pbkdf2-sha512$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$A6AmFIti7CKlYdoPiV9jf1d9llp37o27Wms8Zx8fwMI",
    "$scrypt$ln=4,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$VbIe1ib8N3AGdHJ/i+4z5gayZwy70BXfZyJXhL3ev0c",
    "$2a$04$CCCCCCCCCCCCCCCCCCCCC.0uP/2zHIr81tVya45gVnDFLBmqu9l4W",
    "$2y$04$CCCCCCCCCCCCCCCCCCCCC.0uP/2zHIr81tVya45gVnDFLBmqu9l4W",
    "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
    "$5$saltstring$hixOXgchwauyzVtlSM/e7UnQx0qiTk74JE/YU53IbE0",
    "$5$rounds=1000$roundstoolow$e7M8/jKxuRGz/B0HBeVmCSxjq8k2V7MGFHnktjeO/t6",
    "$6$saltstring$qvPJY4PeugKzKQqyIJ0gRdJnpS0uaaiZ.X1SaheFedsK/yZPwlluTLS90fJPM41sD5JxCHKgGr1..qt5HqEY8.",
    "$6$rounds=10000$saltstringsaltst$vYfRg0cvt6jqN.cdxF22BORftytx0YPFkovksVubXuGbzxqnymO6iA22anPhq1CcF20s8mxa6wCNxLd21.zwA.",
];

fn weak_argon2() -> Format {
    Format::argon2(Argon2Cost::dangerous_weak(64, 1, 1).unwrap())
}

/// New hashes in `format`, on one thread.
fn preferring(format: Format) -> PasswordsBuilder {
    Passwords::builder().prefer(format).dangerous_weak().threads(1).queue(1_000).wait(Duration::from_secs(60))
}

/// Reads everything, at the costs of the test's hashes.
fn reading_all() -> Passwords {
    let weak = Argon2Cost::dangerous_weak(64, 1, 1).unwrap();
    let all = ALL.map(|format| {
        if format == Format::django_argon2(Argon2Cost::MINIMUM) {
            Format::django_argon2(weak)
        } else {
            format
        }
    });
    preferring(weak_argon2()).accept(all).build().unwrap()
}

async fn verify(passwords: &Passwords, stored: &str, password: &str) -> Verdict {
    passwords.verify(&Secret::new(password), Some(stored)).await.unwrap()
}

async fn matches(passwords: &Passwords, stored: &str, password: &str) -> bool {
    verify(passwords, stored, password).await != Verdict::Mismatch
}
