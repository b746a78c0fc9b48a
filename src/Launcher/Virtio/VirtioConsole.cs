using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>
/// The console (virtio 1.0, §5.3; tools/lguest/lguest.c, console_input, console_output, setup_console): queue 0 carries
/// what is typed, queue 1 what is printed, and the emergency register prints a character before there are queues.
/// </summary>
/// <remarks>
/// <para>
/// lguest ran a thread per queue. A transmit is done here inside the notify: the Guest spins with interrupts off until
/// its buffer comes back, so any other thread would only make it spin longer.
/// </para>
/// <para>
/// Input arrives on the Host's schedule but is written to Guest RAM on the Guest's thread only, between two runs of the
/// engine (<see cref="IGuestThreadWork"/>): a write by another thread could hit a page of translated code while it runs.
/// The reader's thread fills the queue and wakes us, nothing more.
/// </para>
/// </remarks>
internal sealed class VirtioConsole : VirtioDevice, IGuestThreadWork
{
    public const int VirtioId = 3;
    public const ushort PciClass = 0x0700;

    private const int ReceiveQueue = 0;
    private const int TransmitQueue = 1;
    private const ulong FeatureSize = 1 << 0;
    private const ulong FeatureEmergencyWrite = 1 << 2;

    /// <summary>u16 columns, u16 rows, u32 max_nr_ports, u32 emerg_wr. The third means nothing with our features, the first two only where there is a terminal.</summary>
    private const uint ConfigurationSize = 12;
    private const int ConfigColumns = 0;
    private const int ConfigRows = 2;
    private const uint EmergencyWrite = 8;

    private readonly IConsoleSink _output;
    private readonly ConsoleInputQueue _input;
    private readonly byte[] _buffer = new byte[GuestRam.PageSize];
    private TerminalSize _size;
    private bool _announces;

    public VirtioConsole(GuestRam ram, DeviceLog log, IConsoleSink output, ConsoleInputQueue input)
        : base("console", ram, log, FeatureEmergencyWrite | (input.Size is null ? 0 : FeatureSize), queues: 2, ConfigurationSize)
    {
        _output = output;
        _input = input;
        _size = input.Size ?? default;
    }

    /// <inheritdoc/>
    public bool HasWork => _input.HasNews;

    /// <inheritdoc/>
    public void RunOnGuestThread()
    {
        // What the driver has no room for, or is not ready for, waits for its next notify: no news, no polling.
        _input.TakeNews();
        if (_input.Size is { } size && size != _size)
        {
            _size = size;
            ConfigChanged();
        }

        if (IsLive)
        {
            Receive();
        }
    }

    /// <inheritdoc/>
    public override void ExchangeState(StateArchive archive)
    {
        base.ExchangeState(archive);
        _input.ExchangeState(archive);
    }

    protected override void Serve(int number)
    {
        if (number == TransmitQueue)
        {
            Transmit();
        }
        else
        {
            Receive();
        }
    }

    protected override byte ReadConfig(uint offset) => (int)offset switch
    {
        ConfigColumns => (byte)_size.Columns,
        ConfigColumns + 1 => (byte)(_size.Columns >> 8),
        ConfigRows => (byte)_size.Rows,
        ConfigRows + 1 => (byte)(_size.Rows >> 8),
        _ => 0,
    };

    protected override void Started() => _announces = (Accepted & FeatureSize) != 0;

    protected override void WriteConfig(uint offset, int size, uint value)
    {
        if (offset == EmergencyWrite)
        {
            _output.Write([(byte)value]);
        }
    }

    private void Transmit()
    {
        Virtqueue queue = Queue(TransmitQueue);

        // A driver cannot have more chains under way than the ring has entries, and it does not run while we do.
        for (int i = 0; i < queue.Size; i++)
        {
            if (!TryTake(queue, out DescriptorChain chain))
            {
                break;
            }

            AnnounceSize();
            if (!chain.Writable.IsEmpty)
            {
                Break("a buffer to write in the transmit queue");
                return;
            }

            foreach (DescriptorChain.Piece piece in chain.Readable)
            {
                if (!Print(piece))
                {
                    return;
                }
            }

            queue.Complete(chain.Head, 0);
        }

        InterruptFor(queue);
    }

    /// <summary>
    /// Linux reads the size only when it is told that it has changed (virtio_console.c, config_work_handler), and forgets it unless the console
    /// is set up by then: which it is when it prints.
    /// </summary>
    private void AnnounceSize()
    {
        if (_announces)
        {
            _announces = false;
            ConfigChanged();
        }
    }

    private bool Print(DescriptorChain.Piece piece)
    {
        for (uint done = 0; done < piece.Length;)
        {
            uint length = Math.Min(piece.Length - done, GuestRam.PageSize);
            if (!_output.Write(Ram.View(piece.Address + done, length)))
            {
                return false;
            }

            done += length;
        }

        return true;
    }

    private void Receive()
    {
        Virtqueue queue = Queue(ReceiveQueue);
        for (int i = 0; i < queue.Size && _input.Count > 0; i++)
        {
            if (!TryTake(queue, out DescriptorChain chain))
            {
                break;
            }

            if (!chain.Readable.IsEmpty)
            {
                Break("a buffer to read in the receive queue");
                return;
            }

            queue.Complete(chain.Head, Fill(chain));
        }

        InterruptFor(queue);
    }

    private uint Fill(DescriptorChain chain)
    {
        uint written = 0;
        foreach (DescriptorChain.Piece piece in chain.Writable)
        {
            for (uint done = 0; done < piece.Length;)
            {
                int wanted = (int)Math.Min(piece.Length - done, (uint)_buffer.Length);
                int taken = _input.Take(_buffer.AsSpan(0, wanted));
                if (taken == 0)
                {
                    return written;
                }

                Ram.TryWrite(piece.Address + done, _buffer.AsSpan(0, taken));
                done += (uint)taken;
                written += (uint)taken;
            }
        }

        return written;
    }
}
