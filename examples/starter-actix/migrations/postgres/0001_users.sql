CREATE TABLE users (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username       TEXT NOT NULL,               -- as the user typed it
    username_key   TEXT NOT NULL UNIQUE,        -- as names are compared
    password       TEXT,                        -- a PHC string
    security_stamp BYTEA NOT NULL,              -- changes with the password: sessions end
    active         BOOLEAN NOT NULL,
    email          TEXT NOT NULL,
    display_name   TEXT NOT NULL CHECK (length(display_name) BETWEEN 1 AND 100),
    created_at     TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email ON users (lower(email));
