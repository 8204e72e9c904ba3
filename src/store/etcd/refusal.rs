//! Why a call was refused, where etcd's word alone does not tell.

use bytes::Bytes;

use super::{
    Etcd,
    fault::Fault,
    request::{number, revision},
    watch, wire,
};
use crate::store::{Revision, StoreError, Transaction, Write};

impl Etcd {
    /// Why a page cannot be read.
    pub(super) async fn why_not_read(&self, fault: Fault, request: wire::RangeRequest) -> StoreError {
        let at = revision(request.revision);
        match fault {
            Fault::Compacted => {
                StoreError::Compacted { oldest: self.compacted_at(request.key).await.unwrap_or(at.next()) }
            }
            Fault::Future => {
                let reason = format!("etcd was asked for revision {}, which is still to come", at.0);
                StoreError::Unavailable { reason }
            }
            fault => fault.of_read(),
        }
    }

    /// Why a transaction is not known to have happened, before which a revision was seen.
    pub(super) async fn why_not_written(
        &self,
        fault: Fault,
        transaction: &Transaction,
        seen: Revision,
    ) -> StoreError {
        let operations = transaction.compares.len().max(transaction.writes.len());
        let less = |size: usize| size.saturating_sub(1);
        match fault {
            // How much etcd takes it does not say, only that this is more.
            Fault::TooManyOperations => StoreError::TooLarge {
                what: "operations in a transaction, as etcd counts them for its --max-txn-ops,",
                size: operations,
                limit: less(operations),
            },
            Fault::LargeRequest => StoreError::TooLarge {
                what: "bytes in a transaction, as etcd counts them for its --max-request-bytes,",
                size: transaction.bytes(),
                limit: less(transaction.bytes()),
            },
            Fault::Full(reason) if !self.surely_not_written(transaction, seen).await => {
                StoreError::Unknown { reason }
            }
            fault => fault.of_write(),
        }
    }

    /// At which revision etcd is compacted, which only watches are told: the oldest that can be read, and one before the
    /// oldest to watch from.
    pub(super) async fn compacted_at(&self, key: Bytes) -> Option<Revision> {
        watch::compacted_at(&self.client, key).await
    }

    /// etcd refuses with the same words what it did not write for lack of space, and what it did write, but with which
    /// it ran out of space. A row that was last written before tells them apart. One that is not there does too: what
    /// was written, others would have to have deleted since.
    async fn surely_not_written(&self, transaction: &Transaction, seen: Revision) -> bool {
        let put = transaction.writes.iter().find_map(|write| match write {
            Write::Put(key, _) => Some(key),
            Write::Delete(_) | Write::DeleteRange(..) => None,
        });
        // Deletions need no space.
        let Some(key) = put else { return false };
        let request = wire::RangeRequest { keys_only: true, ..self.root.get(key) };
        let Ok(answer) = self.client.read(request).await else { return false };
        answer.kvs.iter().all(|row| row.mod_revision <= number(seen))
    }
}
