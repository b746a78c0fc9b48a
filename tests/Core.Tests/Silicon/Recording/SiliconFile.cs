using System.IO.Compression;
using System.Text;

namespace Lguest.Jit.Core.Tests.Silicon.Recording;

/// <summary>
/// A file of records: the processor that made them, then one Brotli stream for each form. Only outcomes are in it;
/// inputs are drawn again, and a digest says whether they are the ones that were recorded.
/// </summary>
/// <remarks>
/// Layout: "LJSV", format (u32), processor (length-prefixed UTF-8), number of forms (i32); for each form its name,
/// digest (u64), number of vectors (i32), and the length (i32) and bytes of its stream.
/// </remarks>
internal sealed class SiliconFile
{
    private const uint Magic = 0x5653_4A4C;
    private const int Format = 1;

    private readonly Dictionary<string, Record> _records = [];

    private sealed record Record(ulong Digest, int Count, byte[] Stream);

    /// <summary>Vendor, family, model and stepping, and the name that it gives itself.</summary>
    public required string Processor { get; init; }

    public int FormCount => _records.Count;

    public IEnumerable<string> Names => _records.Keys;

    public void Add(SiliconForm form, SiliconOutcome[] outcomes)
    {
        byte[] payload = OutcomePacker.Pack(form, outcomes);
        byte[] stream = new byte[BrotliEncoder.GetMaxCompressedLength(payload.Length)];
        if (!BrotliEncoder.TryCompress(payload, stream, out int length, quality: 11, window: 22))
        {
            throw new InvalidOperationException("Brotli gave up.");
        }

        _records.Add(form.Name, new Record(form.Digest(), outcomes.Length, stream[..length]));
    }

    /// <summary>The recorded outcomes of a form, in order of vectors, given the <paramref name="inputs"/> drawn for it.</summary>
    /// <exception cref="InvalidDataException">Nothing is recorded for it, or it was made from other inputs.</exception>
    public SiliconOutcome[] Read(SiliconForm form, SiliconState[] inputs)
    {
        if (!_records.TryGetValue(form.Name, out Record? record))
        {
            throw new InvalidDataException($"Silicon was never asked about '{form.Name}': see tests/tooling/silicon/README.md.");
        }

        if (record.Digest != form.Digest() || record.Count != form.Count)
        {
            throw new InvalidDataException($"'{form.Name}' has changed since silicon was asked: see tests/tooling/silicon/README.md.");
        }

        using var packed = new BrotliStream(new MemoryStream(record.Stream), CompressionMode.Decompress);
        using var payload = new MemoryStream();
        packed.CopyTo(payload);
        return OutcomePacker.Unpack(form, inputs, payload.GetBuffer().AsSpan(0, (int)payload.Length));
    }

    public void Save(Stream destination)
    {
        using var writer = new BinaryWriter(destination, Encoding.UTF8, leaveOpen: true);
        writer.Write(Magic);
        writer.Write(Format);
        writer.Write(Processor);
        writer.Write(_records.Count);
        foreach ((string name, Record record) in _records)
        {
            writer.Write(name);
            writer.Write(record.Digest);
            writer.Write(record.Count);
            writer.Write(record.Stream.Length);
            writer.Write(record.Stream);
        }
    }

    /// <exception cref="InvalidDataException">Not a file of this format.</exception>
    public static SiliconFile Load(Stream source)
    {
        using var reader = new BinaryReader(source, Encoding.UTF8, leaveOpen: true);
        if (reader.ReadUInt32() != Magic || reader.ReadInt32() != Format)
        {
            throw new InvalidDataException("This is no file of silicon vectors.");
        }

        var file = new SiliconFile { Processor = reader.ReadString() };
        for (int forms = reader.ReadInt32(); forms > 0; forms--)
        {
            string name = reader.ReadString();
            ulong digest = reader.ReadUInt64();
            int count = reader.ReadInt32();
            file._records.Add(name, new Record(digest, count, reader.ReadBytes(reader.ReadInt32())));
        }

        return file;
    }
}
