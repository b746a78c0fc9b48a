using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Pci;

/// <summary>
/// lguest's UART trick: there is no UART, but ports that nobody owns read as all ones, so its line status always says
/// "ready", and a decompressor told <c>earlyprintk=ttyS0</c> happily sends its text to 0x3F8. We pass that on. With the
/// divisor latch open (LCR bit 7) the same port takes a baud rate instead, which is not text.
/// </summary>
internal sealed class SerialTap(IConsoleSink sink)
{
    private const ushort Data = 0x3F8;
    private const ushort LineControl = 0x3FB;
    private const uint DivisorLatch = 0x80;

    private bool _divisorOpen;

    public void ExchangeState(StateArchive archive) => archive.Field(ref _divisorOpen);

    /// <summary>An <c>out</c> of any width to any port that nobody else wanted.</summary>
    public void Write(ushort port, uint value)
    {
        if (port == LineControl)
        {
            _divisorOpen = (value & DivisorLatch) != 0;
        }
        else if (port == Data && !_divisorOpen)
        {
            sink.Write([(byte)value]);
        }
    }
}
