CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL
);
CREATE TABLE users_permissions (
    user_id INTEGER NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    PRIMARY KEY (user_id, name)
);
