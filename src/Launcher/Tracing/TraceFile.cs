using System.Text;

namespace Lguest.Jit.Launcher.Tracing;

/// <summary>
/// Where a trace goes: buffered, and bounded, for a Guest can run for ever. Two threads write, whole records at a time. A file that
/// cannot be written ends the trace, not the Guest.
/// </summary>
internal sealed class TraceFile : IDisposable
{
    private const int BufferSize = 1 << 18;

    private readonly Lock _gate = new();
    private readonly long _limit;
    private readonly StreamWriter _writer;
    private long _written;

    /// <param name="stream">Gets the text; owned.</param>
    /// <param name="limit">Characters at most.</param>
    public TraceFile(Stream stream, long limit)
    {
        _writer = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), BufferSize);
        _limit = limit;
    }

    /// <summary>Why the trace ended before the Guest did; null: it did not.</summary>
    public string? Ended { get; private set; }

    /// <summary>Anything that is still going to be written? Saves making records that are not.</summary>
    public bool IsOpen => Ended == null;

    /// <summary>Writes one record, all of it or nothing.</summary>
    public void Write(StringBuilder record)
    {
        lock (_gate)
        {
            if (Ended != null)
            {
                return;
            }

            try
            {
                if (_written + record.Length > _limit)
                {
                    Ended = "it has reached its limit";
                    _writer.WriteLine("# the trace has reached its limit");
                    _writer.Flush();
                    return;
                }

                _written += record.Length;
                _writer.Write(record);
            }
            catch (IOException e)
            {
                Ended = e.Message;
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            try
            {
                _writer.Dispose();
            }
            catch (IOException e)
            {
                Ended ??= e.Message;
            }
        }
    }
}
