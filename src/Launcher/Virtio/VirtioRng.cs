using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>The entropy device (virtio 1.0, §5.4; tools/lguest/lguest.c, rng_input and setup_rng): buffers come empty and go back full.</summary>
/// <remarks>
/// lguest's Launcher read /dev/random in a thread, since that could take minutes. No source of ours makes anybody wait, so
/// it is done inside the notify.
/// </remarks>
internal sealed class VirtioRng(GuestRam ram, DeviceLog log, IEntropySource source) : VirtioDevice("rng", ram, log, features: 0, queues: 1, configSize: 0)
{
    public const int VirtioId = 4;
    public const ushort PciClass = 0xFF00;

    /// <summary>
    /// Bytes for one buffer at most; a driver looks how many came. Linux asks for 64, and a chain of 256 pieces could ask for more than
    /// anybody wants to wait for.
    /// </summary>
    public const int MostAtOnce = 64 << 10;

    private readonly byte[] _buffer = new byte[GuestRam.PageSize];

    /// <inheritdoc/>
    public override void ExchangeState(StateArchive archive)
    {
        base.ExchangeState(archive);
        source.ExchangeState(archive);
    }

    protected override void Serve(int number)
    {
        Virtqueue queue = Queue(number);
        for (int i = 0; i < queue.Size; i++)
        {
            if (!TryTake(queue, out DescriptorChain chain))
            {
                break;
            }

            if (!chain.Readable.IsEmpty)
            {
                Break("a buffer to read in the request queue");
                return;
            }

            queue.Complete(chain.Head, Fill(chain));
        }

        InterruptFor(queue);
    }

    protected override byte ReadConfig(uint offset) => 0;

    protected override void WriteConfig(uint offset, int size, uint value)
    {
        // There is none.
    }

    private uint Fill(DescriptorChain chain)
    {
        uint written = 0;
        foreach (DescriptorChain.Piece piece in chain.Writable)
        {
            for (uint done = 0; done < piece.Length && written < MostAtOnce;)
            {
                uint length = Math.Min(Math.Min(piece.Length - done, (uint)_buffer.Length), MostAtOnce - written);
                Span<byte> bytes = _buffer.AsSpan(0, (int)length);
                source.Fill(bytes);
                Ram.TryWrite(piece.Address + done, bytes);
                done += length;
                written += length;
            }
        }

        return written;
    }
}
