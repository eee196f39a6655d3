//! The nouns of the trade, without any input or output: money, ids, routing and account numbers, documents and what was
//! read on them, bills, transactions, batches, journal entries and the reasons why something needs a person.
//! Nothing here knows a database, a file or a clock.

pub mod account;
pub mod batch;
pub mod bill;
pub mod change_notice;
pub mod control;
pub mod day;
pub mod deposit;
pub mod document;
pub mod drawer;
pub mod entry;
pub mod ids;
pub mod micr_line;
pub mod money;
pub mod problem;
pub mod reading;
pub mod return_item;
pub mod returned;
pub mod routing;
pub mod transaction;
pub mod user;

pub use account::{AccountNumber, BankAccount, Biller};
pub use batch::{Batch, BatchEvent, BatchState, Control, Origin};
pub use bill::{AccountFlag, AccountStatus, Bill, BillKind, KnownPayer, Pledge};
pub use change_notice::{ChangeNotice, Correction};
pub use control::{Controls, Tier};
pub use day::Day;
pub use deposit::{Deposit, DepositItem, DepositKind, DepositState, item_sequence};
pub use document::{Document, DocumentKind, ImageRef, ImageRole, Sha256};
pub use entry::{Entry, EntryDraft, Posting};
pub use ids::{BatchId, DepositId, DocumentId, ExceptionId, ReceiptId, ReturnId, TransactionId};
pub use money::{Cents, MoneyError};
pub use problem::{Level, Problem, Reason};
pub use reading::{
    AmountField, AmountGuess, AmountOutcome, AmountRead, AmountSource, AmountUnsure, AmountVerdict, BarcodeRead,
    CharRead, CheckDigitRead, FieldFound, MarkRead, MicrFields, MicrRead, PixelBox, Quality, Reading, ScanlineRead,
};
pub use return_item::{OriginalItem, ReturnChannel, ReturnItem, ReturnReason, ReturnStage, SourcePlace};
pub use returned::{ReturnEvent, ReturnPart, ReturnPolicy, ReturnState, Returned};
pub use routing::RoutingNumber;
pub use transaction::{Application, Decision, Exception, Transaction, TransactionKind, TransactionState};
pub use user::{Role, User, UserName};
