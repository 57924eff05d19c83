CREATE TABLE users (
    id             INTEGER PRIMARY KEY,
    username       TEXT NOT NULL,               -- as the user typed it
    username_key   TEXT NOT NULL UNIQUE,        -- as names are compared
    password       TEXT,                        -- a PHC string
    security_stamp BLOB NOT NULL,               -- changes with the password: sessions end
    active         BOOLEAN NOT NULL,
    email          TEXT NOT NULL UNIQUE COLLATE NOCASE,
    display_name   TEXT NOT NULL CHECK (length(display_name) BETWEEN 1 AND 100),
    created_at     TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
