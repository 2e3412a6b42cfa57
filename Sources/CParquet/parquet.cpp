// Parquet files as JSON, row by row, behind five C functions.
//
// `make parquet` builds it against the C++ libraries in pyarrow's wheel, beside which it lies; zoo opens it when a recipe names
// a Parquet file (Sources/ZooData/Rows/ParquetFile.swift) and needs it for nothing else. No exception leaves it.
//
// A field that is null is absent from its object: a struct lists the fields of all rows, so those that a row does not have come
// as nulls. An item of a list stays null. Times, dates and decimals are texts. A column with anything that JSON does not have,
// such as the bytes of an image, is not read.

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/properties.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace {

using arrow::Array;
using arrow::DataType;
using arrow::Type;

// What of a type JSON does not have, as a path below `name` and a type's name; empty: nothing.
std::string unreadable(const DataType &type, const std::string &name) {
  const std::string none;
  switch (type.id()) {
    case Type::NA: case Type::BOOL: case Type::HALF_FLOAT: case Type::FLOAT: case Type::DOUBLE:
    case Type::INT8: case Type::INT16: case Type::INT32: case Type::INT64:
    case Type::UINT8: case Type::UINT16: case Type::UINT32: case Type::UINT64:
    case Type::STRING: case Type::LARGE_STRING: case Type::STRING_VIEW:
    case Type::DATE32: case Type::DATE64: case Type::TIME32: case Type::TIME64: case Type::TIMESTAMP:
    case Type::DECIMAL32: case Type::DECIMAL64: case Type::DECIMAL128: case Type::DECIMAL256:
      return none;
    case Type::DICTIONARY:
      return unreadable(*static_cast<const arrow::DictionaryType &>(type).value_type(), name);
    case Type::EXTENSION:
      return unreadable(*static_cast<const arrow::ExtensionType &>(type).storage_type(), name);
    case Type::LIST: case Type::LARGE_LIST: case Type::FIXED_SIZE_LIST:
      return unreadable(*type.field(0)->type(), name);
    case Type::STRUCT:
      for (const auto &field : type.fields()) {
        auto found = unreadable(*field->type(), name + "." + field->name());
        if (!found.empty()) return found;
      }
      return none;
    case Type::MAP: {
      const auto &map = static_cast<const arrow::MapType &>(type);
      if (map.key_type()->id() != Type::STRING) return name + " is a map whose keys are not strings";
      return unreadable(*map.item_type(), name);
    }
    default: return name + " is " + type.ToString();
  }
}

void quote(std::string_view text, std::string &out) {
  static const char digits[] = "0123456789abcdef";
  out += '"';
  for (unsigned char byte : text) {
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += static_cast<char>(byte);
    } else if (byte < 0x20) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += static_cast<char>(byte);
    }
  }
  out += '"';
}

template <typename Number>
void whole(Number value, std::string &out) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

// The shortest text that is read as the same number, with a fraction: 1.0 is not 1.
void real(double value, std::string &out) {
  if (std::isinf(value)) {
    out += value < 0 ? "-1e999" : "1e999";  // what readers of JSON refuse with the row
    return;
  }
  char text[64];
  auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out.append(text, end);
  if (std::string_view(text, end - text).find_first_of(".e") == std::string_view::npos) out += ".0";
}

bool isNull(const Array &array, int64_t i) {
  if (array.IsNull(i)) return true;
  switch (array.type_id()) {
    case Type::NA: return true;
    case Type::DICTIONARY: {
      const auto &coded = static_cast<const arrow::DictionaryArray &>(array);
      return isNull(*coded.dictionary(), coded.GetValueIndex(i));
    }
    case Type::EXTENSION: return isNull(*static_cast<const arrow::ExtensionArray &>(array).storage(), i);
    // JSON has no NaN, and pandas' is a missing number.
    case Type::FLOAT: return std::isnan(static_cast<const arrow::FloatArray &>(array).Value(i));
    case Type::DOUBLE: return std::isnan(static_cast<const arrow::DoubleArray &>(array).Value(i));
    default: return false;
  }
}

void write(const Array &array, int64_t i, std::string &out);

template <typename ListArray>
void list(const Array &array, int64_t i, std::string &out) {
  const auto &lists = static_cast<const ListArray &>(array);
  const auto first = lists.value_offset(i), end = first + lists.value_length(i);
  out += '[';
  for (auto item = first; item < end; item++) {
    if (item > first) out += ',';
    write(*lists.values(), item, out);
  }
  out += ']';
}

void write(const Array &array, int64_t i, std::string &out) {
  if (isNull(array, i)) {
    out += "null";
    return;
  }
  switch (array.type_id()) {
    case Type::BOOL: out += static_cast<const arrow::BooleanArray &>(array).Value(i) ? "true" : "false"; return;
    case Type::INT8: return whole<int>(static_cast<const arrow::Int8Array &>(array).Value(i), out);
    case Type::INT16: return whole(static_cast<const arrow::Int16Array &>(array).Value(i), out);
    case Type::INT32: return whole(static_cast<const arrow::Int32Array &>(array).Value(i), out);
    case Type::INT64: return whole(static_cast<const arrow::Int64Array &>(array).Value(i), out);
    case Type::UINT8: return whole<int>(static_cast<const arrow::UInt8Array &>(array).Value(i), out);
    case Type::UINT16: return whole(static_cast<const arrow::UInt16Array &>(array).Value(i), out);
    case Type::UINT32: return whole(static_cast<const arrow::UInt32Array &>(array).Value(i), out);
    case Type::UINT64: return whole(static_cast<const arrow::UInt64Array &>(array).Value(i), out);
    case Type::FLOAT: return real(static_cast<const arrow::FloatArray &>(array).Value(i), out);
    case Type::DOUBLE: return real(static_cast<const arrow::DoubleArray &>(array).Value(i), out);
    case Type::STRING: return quote(static_cast<const arrow::StringArray &>(array).GetView(i), out);
    case Type::LARGE_STRING: return quote(static_cast<const arrow::LargeStringArray &>(array).GetView(i), out);
    case Type::STRING_VIEW: return quote(static_cast<const arrow::StringViewArray &>(array).GetView(i), out);
    case Type::LIST: return list<arrow::ListArray>(array, i, out);
    case Type::LARGE_LIST: return list<arrow::LargeListArray>(array, i, out);
    case Type::FIXED_SIZE_LIST: return list<arrow::FixedSizeListArray>(array, i, out);
    case Type::DICTIONARY: {
      const auto &coded = static_cast<const arrow::DictionaryArray &>(array);
      return write(*coded.dictionary(), coded.GetValueIndex(i), out);
    }
    case Type::EXTENSION: {
      const auto &storage = *static_cast<const arrow::ExtensionArray &>(array).storage();
      if (static_cast<const arrow::ExtensionType &>(*array.type()).extension_name() != "arrow.json") {
        return write(storage, i, out);
      }
      // Its text is a value of JSON, as the column `tools` of newer datasets.
      out += storage.type_id() == Type::STRING ? static_cast<const arrow::StringArray &>(storage).GetView(i)
             : storage.type_id() == Type::LARGE_STRING
                 ? static_cast<const arrow::LargeStringArray &>(storage).GetView(i)
                 : static_cast<const arrow::StringViewArray &>(storage).GetView(i);
      return;
    }
    case Type::STRUCT: {
      const auto &fields = static_cast<const arrow::StructArray &>(array);
      char before = '{';
      for (int k = 0; k < fields.num_fields(); k++) {
        const auto &field = *fields.field(k);
        if (isNull(field, i)) continue;
        out += before;
        before = ',';
        quote(fields.struct_type()->field(k)->name(), out);
        out += ':';
        write(field, i, out);
      }
      if (before == '{') out += before;
      out += '}';
      return;
    }
    case Type::MAP: {
      const auto &maps = static_cast<const arrow::MapArray &>(array);
      const auto first = maps.value_offset(i), end = first + maps.value_length(i);
      out += '{';
      for (auto item = first; item < end; item++) {
        if (item > first) out += ',';
        write(*maps.keys(), item, out);
        out += ':';
        write(*maps.items(), item, out);
      }
      out += '}';
      return;
    }
    default: return quote(array.GetScalar(i).ValueOrDie()->ToString(), out);
  }
}

void leaves(const parquet::arrow::SchemaField &field, std::vector<int> &columns) {
  if (field.children.empty() && field.column_index >= 0) columns.push_back(field.column_index);
  for (const auto &child : field.children) leaves(child, columns);
}

// One line, cut to the caller's buffer.
void tell(std::string reason, char *error, size_t capacity) {
  if (capacity == 0) return;
  for (auto &byte : reason) {
    if (static_cast<unsigned char>(byte) < 0x20) byte = ' ';
  }
  std::strncpy(error, reason.c_str(), capacity - 1);
  error[capacity - 1] = 0;
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

struct zoo_parquet {
  std::unique_ptr<parquet::arrow::FileReader> file;
  std::unique_ptr<arrow::RecordBatchReader> batches;
  int64_t rows = 0;
  std::string unread;
  // Of the last batch.
  std::string json;
  std::vector<int64_t> ends;
};

/// Opens a file; NULL on failure, with the reason in `error`. Close it with zoo_parquet_close.
EXPORT zoo_parquet *zoo_parquet_open(const char *path, char *error, size_t capacity) {
  try {
    auto reader = std::make_unique<zoo_parquet>();
    auto *pool = arrow::system_memory_pool();
    PARQUET_ASSIGN_OR_THROW(auto source, arrow::io::ReadableFile::Open(path, pool));
    auto properties = parquet::ReaderProperties(pool);
    // A row group is read piece by piece: some files are a single one.
    properties.enable_buffered_stream();
    properties.set_page_checksum_verification(true);
    auto arrow_properties = parquet::ArrowReaderProperties(false);
    arrow_properties.set_batch_size(1024);
    arrow_properties.set_pre_buffer(false);
    parquet::arrow::FileReaderBuilder builder;
    PARQUET_THROW_NOT_OK(builder.Open(source, properties));
    PARQUET_THROW_NOT_OK(builder.memory_pool(pool)->properties(arrow_properties)->Build(&reader->file));
    reader->rows = reader->file->parquet_reader()->metadata()->num_rows();
    std::vector<int> columns, groups;
    for (const auto &field : reader->file->manifest().schema_fields) {
      const auto reason = unreadable(*field.field->type(), field.field->name());
      if (reason.empty()) {
        leaves(field, columns);
      } else {
        reader->unread += field.field->name() + '\t' + reason + '\n';
      }
    }
    for (int group = 0; group < reader->file->num_row_groups(); group++) groups.push_back(group);
    PARQUET_ASSIGN_OR_THROW(reader->batches, reader->file->GetRecordBatchReader(groups, columns));
    return reader.release();
  } catch (const std::exception &fault) {
    tell(fault.what(), error, capacity);
    return nullptr;
  }
}

/// The rows of the file.
EXPORT int64_t zoo_parquet_rows(const zoo_parquet *reader) { return reader->rows; }

/// The columns that are not read, each as its name, a tab, the reason and a newline; valid until the file is closed.
EXPORT const char *zoo_parquet_unread(const zoo_parquet *reader) { return reader->unread.c_str(); }

/// The next rows: one text of JSON after the other, and where each ends. Valid until the next call. Gives their number; 0: no more;
/// -1: failure, with the reason in `error`.
EXPORT int64_t zoo_parquet_next(zoo_parquet *reader, const char **json, const int64_t **ends, char *error, size_t capacity) {
  try {
    std::shared_ptr<arrow::RecordBatch> batch;
    do {
      PARQUET_THROW_NOT_OK(reader->batches->ReadNext(&batch));
      if (!batch) return 0;
    } while (batch->num_rows() == 0);
    PARQUET_THROW_NOT_OK(batch->Validate());
    reader->json.clear();
    reader->ends.clear();
    for (int64_t i = 0; i < batch->num_rows(); i++) {
      char before = '{';
      for (int k = 0; k < batch->num_columns(); k++) {
        const auto &column = *batch->column(k);
        if (isNull(column, i)) continue;
        reader->json += before;
        before = ',';
        quote(batch->column_name(k), reader->json);
        reader->json += ':';
        write(column, i, reader->json);
      }
      if (before == '{') reader->json += before;
      reader->json += '}';
      reader->ends.push_back(static_cast<int64_t>(reader->json.size()));
    }
    *json = reader->json.data();
    *ends = reader->ends.data();
    return batch->num_rows();
  } catch (const std::exception &fault) {
    tell(fault.what(), error, capacity);
    return -1;
  }
}

EXPORT void zoo_parquet_close(zoo_parquet *reader) { delete reader; }
