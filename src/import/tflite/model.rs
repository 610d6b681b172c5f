//! The parts of TensorFlow Lite's schema that a network needs, read into plain lists.
//!
//! Limits: one subgraph, 4096 operators, 16 384 tensors, 6 dimensions, 64 inputs an operator. What an operator reads from
//! constants is counted, so that a small file whose operators all share one buffer cannot make a large network.

use super::flatbuffer::{Table, Vector, Wrong};
use std::cell::Cell;

const MOST_OPERATORS: usize = 4096;
const MOST_TENSORS: usize = 16_384;
const MOST_INPUTS: usize = 64;
const MOST_DIMS: usize = 6;

/// `BuiltinOperator`'s number of custom operators.
pub(super) const CUSTOM: i32 = 32;

/// Type of a tensor's elements, as far as one is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ElementType {
    F32,
    F16,
    I32,
    I64,
    I8,
    Other(u8),
}

impl ElementType {
    fn of(code: u8) -> Self {
        match code {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::I32,
            4 => Self::I64,
            9 => Self::I8,
            other => Self::Other(other),
        }
    }
}

/// One tensor; constant where it has data.
pub(super) struct TensorInfo<'a> {
    pub name: String,
    pub dims: Vec<usize>,
    pub ty: ElementType,
    pub data: &'a [u8],
    quantization: Option<Table<'a>>,
}

/// Scales and zero points.
pub(super) struct Quantisation {
    pub scales: Vec<f32>,
    pub zeros: Vec<i64>,
    pub axis: i32,
}

/// One operator; inputs that are left out are `None`.
pub(super) struct Operator<'a> {
    pub code: i32,
    /// Name of a custom operator, else empty.
    pub custom: String,
    pub inputs: Vec<Option<usize>>,
    pub outputs: Vec<usize>,
    pub options: Option<Table<'a>>,
    pub custom_options: &'a [u8],
}

/// A file's only subgraph.
pub(super) struct Model<'a> {
    pub description: String,
    pub tensors: Vec<TensorInfo<'a>>,
    pub operators: Vec<Operator<'a>>,
    pub inputs: Vec<usize>,
    pub outputs: Vec<usize>,
    /// Constant bytes that may still be read.
    left: Cell<usize>,
}

impl<'a> Model<'a> {
    /// Reads the lists; nothing of the weights is copied yet.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Wrong> {
        let root = Table::root(bytes)?;
        if root.u32(0)? != 3 {
            return Err(format!("has schema version {}, version 3 is read", root.u32(0)?));
        }
        let codes = root.vector(1, 4)?.at_most(MOST_OPERATORS, "operator codes")?.tables()?;
        let codes: Vec<(i32, String)> = codes.iter().map(operator_code).collect::<Result<_, Wrong>>()?;
        let buffers = root.vector(4, 4)?.at_most(MOST_TENSORS, "buffers")?.tables()?;
        let graphs = root.vector(2, 4)?.at_most(MOST_TENSORS, "subgraphs")?.tables()?;
        let [graph] = graphs.as_slice() else {
            return Err(format!("has {} subgraphs, files with one are read", graphs.len()));
        };
        let tensors = graph.vector(0, 4)?.at_most(MOST_TENSORS, "tensors")?.tables()?;
        let tensors: Vec<TensorInfo<'a>> = tensors.iter().map(|t| tensor(t, &buffers)).collect::<Result<_, Wrong>>()?;
        let place = |index: i32| {
            let found = usize::try_from(index).ok().filter(|i| *i < tensors.len());
            found.ok_or_else(|| format!("names tensor {index}, there are {}", tensors.len()))
        };
        let ends = |field| {
            let list = graph.vector(field, 4)?.at_most(MOST_INPUTS, "inputs or outputs")?.i32s();
            list.into_iter().map(place).collect::<Result<Vec<usize>, Wrong>>()
        };
        let (inputs, outputs) = (ends(1)?, ends(2)?);
        let operators = graph.vector(3, 4)?.at_most(MOST_OPERATORS, "operators")?.tables()?;
        let operators = operators.iter().map(|o| operator(o, &codes, &place)).collect::<Result<_, Wrong>>()?;
        let description = root.string(3)?;
        // Shared constants are legitimate; a thousandfold of the file is not.
        let left = Cell::new(bytes.len().saturating_mul(8).saturating_add(1 << 20));
        Ok(Self { description, tensors, operators, inputs, outputs, left })
    }

    /// Counts bytes of constants that are about to be made.
    pub(super) fn spend(&self, bytes: usize) -> Result<(), Wrong> {
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.ok_or("reads its constants too often for its size")?);
        Ok(())
    }

    /// A constant's bytes, if it has this type and as many elements as its shape says.
    fn constant(&self, index: usize, ty: ElementType, size: usize) -> Result<&'a [u8], Wrong> {
        let tensor = &self.tensors[index];
        let elements = tensor.dims.iter().try_fold(size, |n, d| n.checked_mul(*d));
        if tensor.ty != ty || tensor.data.is_empty() || elements != Some(tensor.data.len()) {
            return Err(format!(
                "tensor `{}` is {:?} {:?} with {} bytes of data, expected a constant of {ty:?}",
                tensor.name,
                tensor.ty,
                tensor.dims,
                tensor.data.len()
            ));
        }
        self.spend(tensor.data.len())?;
        Ok(tensor.data)
    }

    pub(super) fn f32s(&self, index: usize) -> Result<Vec<f32>, Wrong> {
        if self.tensors[index].ty == ElementType::F16 {
            let halves = self.constant(index, ElementType::F16, 2)?.as_chunks().0;
            return Ok(halves.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect());
        }
        let words = self.constant(index, ElementType::F32, 4)?.as_chunks().0;
        Ok(words.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    pub(super) fn i32s(&self, index: usize) -> Result<Vec<i32>, Wrong> {
        let words = self.constant(index, ElementType::I32, 4)?.as_chunks().0;
        Ok(words.iter().map(|b| i32::from_le_bytes(*b)).collect())
    }

    pub(super) fn i8s(&self, index: usize) -> Result<Vec<i8>, Wrong> {
        Ok(self.constant(index, ElementType::I8, 1)?.iter().map(|b| b.cast_signed()).collect())
    }

    /// A tensor's scales and zero points, as many of each.
    pub(super) fn quantisation(&self, index: usize) -> Result<Quantisation, Wrong> {
        let name = &self.tensors[index].name;
        let table = self.tensors[index].quantization;
        let table = table.ok_or_else(|| format!("tensor `{name}` has no quantisation"))?;
        let (scales, zeros) = (table.vector(2, 4)?, table.vector(3, 8)?);
        self.spend(scales.len().saturating_mul(12))?;
        let (scales, mut zeros) = (scales.f32s(), self.at_most_as_many(zeros, scales.len())?.i64s());
        if zeros.is_empty() {
            zeros = vec![0; scales.len()];
        }
        if scales.is_empty() || zeros.len() != scales.len() {
            return Err(format!("tensor `{name}` has {} scales and {} zero points", scales.len(), zeros.len()));
        }
        if let Some(scale) = scales.iter().find(|s| !(s.is_finite() && **s > 0.0)) {
            return Err(format!("tensor `{name}` has scale {scale}, expected a number greater than 0"));
        }
        Ok(Quantisation { scales, zeros, axis: table.i32(6, 0)? })
    }

    fn at_most_as_many(&self, vector: Vector<'a>, n: usize) -> Result<Vector<'a>, Wrong> {
        vector.at_most(n, "zero points")
    }

    /// The one scale and zero point of an 8-bit map.
    pub(super) fn per_tensor(&self, index: usize) -> Result<(f32, i32), Wrong> {
        let q = self.quantisation(index)?;
        let name = &self.tensors[index].name;
        if q.scales.len() != 1 {
            return Err(format!("tensor `{name}` has {} scales, expected 1", q.scales.len()));
        }
        let zero = i8::try_from(q.zeros[0]).map_err(|_| format!("tensor `{name}` has zero point {}", q.zeros[0]))?;
        Ok((q.scales[0], zero.into()))
    }
}

fn operator_code(table: &Table<'_>) -> Result<(i32, String), Wrong> {
    // Files before schema 3a have the number in the first field only, newer ones 127 there when it does not fit.
    let old = i32::from(table.u8(0)?.cast_signed());
    Ok((table.i32(3, 0)?.max(old), table.string(1)?))
}

fn tensor<'a>(table: &Table<'a>, buffers: &[Table<'a>]) -> Result<TensorInfo<'a>, Wrong> {
    let name = table.string(3)?;
    let shape = table.vector(0, 4)?.at_most(MOST_DIMS, "dimensions")?.i32s();
    // −1 stands for a batch of any size: one image.
    let dim = |d: &i32| if *d == -1 { Some(1) } else { usize::try_from(*d).ok() };
    let dims: Option<Vec<usize>> = shape.iter().map(dim).collect();
    let dims = dims.ok_or_else(|| format!("tensor `{name}` has shape {shape:?}"))?;
    let buffer = usize::try_from(table.u32(2)?).map_err(|e| e.to_string())?;
    let data = match buffers.get(buffer) {
        // Buffer 0 is empty by convention; a tensor without data names it.
        Some(buffer) => buffer.vector(0, 1)?.bytes(),
        None => return Err(format!("tensor `{name}` names buffer {buffer}, there are {}", buffers.len())),
    };
    let quantization = table.table(4)?;
    if table.table(6)?.is_some() {
        return Err(format!("tensor `{name}` is stored sparsely, which is not read"));
    }
    Ok(TensorInfo { name, dims, ty: ElementType::of(table.u8(1)?), data, quantization })
}

fn operator<'a>(
    table: &Table<'a>,
    codes: &[(i32, String)],
    place: &impl Fn(i32) -> Result<usize, Wrong>,
) -> Result<Operator<'a>, Wrong> {
    let index = usize::try_from(table.u32(0)?).map_err(|e| e.to_string())?;
    let (code, custom) = codes.get(index).ok_or_else(|| format!("names operator code {index}"))?;
    let list = |field| Ok::<_, Wrong>(table.vector(field, 4)?.at_most(MOST_INPUTS, "inputs or outputs")?.i32s());
    let input = |i: &i32| if *i == -1 { Ok(None) } else { place(*i).map(Some) };
    Ok(Operator {
        code: *code,
        custom: custom.clone(),
        inputs: list(1)?.iter().map(input).collect::<Result<_, Wrong>>()?,
        outputs: list(2)?.into_iter().map(place).collect::<Result<_, Wrong>>()?,
        options: table.table(4)?,
        custom_options: table.vector(5, 1)?.bytes(),
    })
}

impl Operator<'_> {
    /// Its name as TensorFlow Lite writes it.
    pub(super) fn name(&self) -> String {
        if self.code == CUSTOM {
            return if self.custom.is_empty() { "CUSTOM".to_owned() } else { self.custom.clone() };
        }
        let place = usize::try_from(self.code).ok();
        let known = place.and_then(|code| BUILTIN.split_ascii_whitespace().nth(code));
        known.map_or_else(|| format!("BUILTIN_{}", self.code), str::to_owned)
    }
}

/// Names of the built-in operators 0 to 149, in order of their numbers.
const BUILTIN: &str = "ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE \
    EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION \
    LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX \
    SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD \
    UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE \
    UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE \
    BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL \
    SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW \
    ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN \
    FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU \
    SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU \
    REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 \
    NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES \
    CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT \
    HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS \
    RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE";
