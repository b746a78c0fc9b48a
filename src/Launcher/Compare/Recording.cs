using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>
/// The file of a recorded run: a line that says what it is, a line of JSON that says of what, and the checkpoints, compressed. About
/// forty bytes for each.
/// </summary>
internal static class Recording
{
    private const string Magic = "lguest-jit recording";

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web);

    /// <summary>Begins a file.</summary>
    /// <exception cref="LoadException">It cannot be written.</exception>
    public static Recorder Create(string path, RecordingHeader header)
    {
        try
        {
            return new Recorder(File.Create(path), header);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new LoadException($"recording {path}: {e.Message}");
        }
    }

    /// <summary>Opens a file.</summary>
    /// <exception cref="LoadException">It cannot be read, or is none.</exception>
    public static RecordedRun Open(string path)
    {
        FileStream? file = null;
        try
        {
            file = File.OpenRead(path);
            string magic = ReadLine(file);
            RecordingHeader? header = magic == Magic ? JsonSerializer.Deserialize<RecordingHeader>(ReadLine(file), s_json) : null;
            return header is null
                ? throw new LoadException($"recording {path}: not a recorded run")
                : new RecordedRun(header, new BinaryReader(new GZipStream(file, CompressionMode.Decompress)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or JsonException)
        {
            file?.Dispose();
            throw new LoadException($"recording {path}: {e.Message}");
        }
        catch (LoadException)
        {
            file?.Dispose();
            throw;
        }
    }

    internal static void WriteHeader(Stream file, RecordingHeader header) =>
        file.Write(Encoding.UTF8.GetBytes($"{Magic}\n{JsonSerializer.Serialize(header, s_json)}\n"));

    private static string ReadLine(FileStream file)
    {
        const int Longest = 64 * 1024;
        var line = new List<byte>();
        int next;
        while ((next = file.ReadByte()) is not (-1 or '\n') && line.Count < Longest)
        {
            line.Add((byte)next);
        }

        return Encoding.UTF8.GetString([.. line]);
    }
}

/// <summary>Writes a recording, checkpoint by checkpoint.</summary>
internal sealed class Recorder : IDisposable
{
    private readonly BinaryWriter _writer;

    public Recorder(Stream file, RecordingHeader header)
    {
        Every = header.Every;
        Recording.WriteHeader(file, header);
        _writer = new BinaryWriter(new GZipStream(file, CompressionLevel.Fastest));
    }

    /// <summary>Instructions between two checkpoints.</summary>
    public long Every { get; }

    public void Add(DeterministicGuest guest)
    {
        GuestDigest digest = guest.Digest();
        RecordedCheckpoint.Of(guest, in digest).Write(_writer);
    }

    public void Dispose() => _writer.Dispose();
}

/// <summary>A recorded run, to be read from the beginning.</summary>
/// <param name="Header">Of what.</param>
/// <param name="Reader">Behind the header.</param>
internal sealed record RecordedRun(RecordingHeader Header, BinaryReader Reader) : IDisposable
{
    /// <summary>The next checkpoint; null where the file ends.</summary>
    public RecordedCheckpoint? Next() => RecordedCheckpoint.Read(Reader);

    public void Dispose() => Reader.Dispose();
}
