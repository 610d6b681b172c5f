//! Data sets, transforms, streams and downloads: what lies on disk against what a network and a head are given.

mod core50_run;
mod downloads;
mod readers;
mod streams;
mod transforms;
