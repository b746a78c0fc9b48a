using System.Text;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>Keeps what is printed.</summary>
internal sealed class RecordingSink : IConsoleSink
{
    private readonly List<byte> _bytes = [];

    /// <summary>Answer false, as a stopping Host does.</summary>
    public bool Stopping { get; set; }

    /// <summary>Kept or only counted.</summary>
    public bool Discard { get; set; }

    public long Count { get; private set; }

    public string Text => Encoding.Latin1.GetString([.. _bytes]);

    public bool Write(ReadOnlySpan<byte> bytes)
    {
        Count += bytes.Length;
        if (!Discard)
        {
            _bytes.AddRange(bytes);
        }

        return !Stopping;
    }
}

/// <summary>Counts interrupts.</summary>
internal sealed class RecordingInterrupts : IInterruptSink
{
    public List<int> Raised { get; } = [];

    public void SetInterrupt(int irq) => Raised.Add(irq);
}
