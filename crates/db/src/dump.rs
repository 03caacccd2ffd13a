//! A consistent copy of a whole database, made while others write, and back again.
//!
//! SQLite copies itself (`VACUUM INTO`). From PostgreSQL each table is read by `COPY` inside one repeatable-read transaction:
//! the caller reads what else it needs in the same transaction and so of the same instant. It is loaded into an empty
//! database, in one transaction, under the schema that it was made with. No `pg_dump` of the right version is needed for
//! either, and nothing of the database's address is seen in a process list.

use crate::conn::Raw;
use crate::migrate::{POSTGRES, failure};
use crate::open::{OpenError, Pools};
use crate::{Conn, Db, DbError, DbResult, sql};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt;

/// A table of a dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in the order of the file.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows: u64,
}

impl Table {
    /// The file that holds it, in the dump's folder.
    #[must_use]
    pub fn file(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.copy", self.name))
    }

    fn columns(&self) -> String {
        self.columns.iter().map(|c| quoted(c)).collect::<Vec<_>>().join(", ")
    }
}

/// A dump that could not be written or loaded.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// A file of it.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It does not fit the database that it should go into.
    #[error("the dump does not fit: {0}")]
    Fit(String),
    /// The schema could not be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Db {
    /// Writes a copy of the SQLite database as of now into a new file. Others may write meanwhile. Not durable by itself.
    ///
    /// # Errors
    /// As the engine says, also when this is PostgreSQL.
    pub async fn copy_to(&self, path: &Path) -> DbResult<()> {
        let Pools::Sqlite { write, .. } = self.pools() else {
            return Err(DbError::Other("PostgreSQL is dumped by tables".into()));
        };
        let name = path.to_str().ok_or_else(|| DbError::Other(format!("{} is not UTF-8", path.display())))?;
        sqlx::query("VACUUM INTO ?").bind(name).execute(write).await?;
        Ok(())
    }

    /// A transaction on PostgreSQL that sees one instant all along and writes nothing.
    ///
    /// # Errors
    /// When no connection is free in time, and on SQLite, which is copied instead.
    pub async fn snapshot(&self) -> DbResult<Conn> {
        Conn::snapshot(self).await
    }
}

impl Conn {
    /// Writes every table into `folder`, as this transaction sees it. Not durable by itself.
    ///
    /// # Errors
    /// When the disk or the server refuses.
    pub async fn dump(&mut self, folder: &Path) -> Result<Vec<Table>, DumpError> {
        let columns = sql!(all (String, String), self,
            lite "SELECT '', '' WHERE FALSE",
            pg "SELECT CAST(c.table_name AS TEXT), CAST(c.column_name AS TEXT) FROM information_schema.columns c
                JOIN pg_tables t ON t.schemaname = c.table_schema AND t.tablename = c.table_name
                WHERE c.table_schema = current_schema() AND c.table_name NOT LIKE '\\_sqlx%' AND c.is_generated = 'NEVER'
                ORDER BY c.table_name, c.ordinal_position")?;
        let mut tables: Vec<Table> = vec![];
        for (name, column) in columns {
            match tables.last_mut() {
                Some(last) if last.name == name => last.columns.push(column),
                _ => tables.push(Table { name, columns: vec![column], rows: 0 }),
            }
        }
        for table in &mut tables {
            table.rows = self.copy_out(table, folder).await?;
        }
        Ok(tables)
    }

    /// Each line of the text format is a row: a line break inside a value is written as `\n`.
    async fn copy_out(&mut self, table: &Table, folder: &Path) -> Result<u64, DumpError> {
        let path = table.file(folder);
        let file_error = |error| DumpError::File { path: path.clone(), error };
        let Raw::Pg(c) = self.raw() else { return Err(DumpError::Fit("this is SQLite".into())) };
        let text = format!("COPY {} ({}) TO STDOUT", quoted(&table.name), table.columns());
        let mut file = tokio::io::BufWriter::new(tokio::fs::File::create(&path).await.map_err(file_error)?);
        let mut stream = c.copy_out_raw(&text).await.map_err(DbError::from)?;
        let mut rows = 0;
        while let Some(part) = stream.try_next().await.map_err(DbError::from)? {
            rows += u64::try_from(part.iter().filter(|b| **b == b'\n').count()).unwrap_or_default();
            file.write_all(&part).await.map_err(file_error)?;
        }
        file.flush().await.map_err(file_error)?;
        Ok(rows)
    }

    /// Makes the schema of the dump in an empty PostgreSQL database, loads every table, and brings the schema up to date. All in
    /// this transaction: without a commit nothing has happened.
    ///
    /// # Errors
    /// [`DumpError::Fit`] when a table is not what the schema says, or has other rows than it had.
    pub async fn load(&mut self, folder: &Path, schema: i64, tables: &[Table]) -> Result<(), DumpError> {
        let Raw::Pg(c) = self.raw() else { return Err(DumpError::Fit("this is SQLite".into())) };
        POSTGRES.run_to(schema, &mut *c).await.map_err(|e| failure(e, &POSTGRES))?;
        for table in self.in_order(tables).await? {
            let path = table.file(folder);
            let file = tokio::fs::File::open(&path).await.map_err(|error| DumpError::File { path, error })?;
            let Raw::Pg(c) = self.raw() else { return Err(DumpError::Fit("this is SQLite".into())) };
            let text = format!("COPY {} ({}) FROM STDIN", quoted(&table.name), table.columns());
            let mut copy = c.copy_in_raw(&text).await.map_err(DbError::from)?;
            if let Err(e) = copy.read_from(file).await {
                copy.abort("the file could not be read").await.map_err(DbError::from)?;
                return Err(DbError::from(e).into());
            }
            let rows = copy.finish().await.map_err(DbError::from)?;
            if rows != table.rows {
                return Err(DumpError::Fit(format!("{} has {rows} rows, it had {}", table.name, table.rows)));
            }
        }
        let Raw::Pg(c) = self.raw() else { return Err(DumpError::Fit("this is SQLite".into())) };
        POSTGRES.run(&mut *c).await.map_err(|e| failure(e, &POSTGRES))?;
        Ok(())
    }

    /// The tables so that each comes after those that its rows point at. All of the schema's tables must be in the dump.
    async fn in_order(&mut self, tables: &[Table]) -> Result<Vec<Table>, DumpError> {
        let links = sql!(all (String, String), self,
            lite "SELECT '', '' WHERE FALSE",
            pg "SELECT CAST(f.relname AS TEXT), CAST(t.relname AS TEXT) FROM pg_constraint k
                JOIN pg_class f ON f.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
                WHERE k.contype = 'f' AND f.oid <> t.oid AND f.relnamespace = CAST(current_schema() AS REGNAMESPACE)")?;
        let there: BTreeSet<String> = sql!(all (String,), self,
            lite "SELECT name FROM sqlite_master WHERE FALSE",
            pg "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT LIKE '\\_sqlx%'")?
        .into_iter()
        .map(|r| r.0)
        .collect();
        if there != tables.iter().map(|t| t.name.clone()).collect() {
            return Err(DumpError::Fit("it has other tables than its schema".into()));
        }
        let mut left: Vec<&Table> = tables.iter().collect();
        let mut out: Vec<Table> = vec![];
        while !left.is_empty() {
            let waits =
                |t: &&Table| links.iter().any(|(from, to)| *from == t.name && left.iter().any(|l| l.name == *to));
            let (later, ready): (Vec<&Table>, Vec<&Table>) = left.iter().copied().partition(waits);
            if ready.is_empty() {
                return Err(DumpError::Fit("its tables point at each other in a circle".into()));
            }
            out.extend(ready.into_iter().cloned());
            left = later;
        }
        Ok(out)
    }
}
