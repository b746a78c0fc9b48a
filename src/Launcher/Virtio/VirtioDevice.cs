using System.Numerics;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>
/// What every virtio device has: the registers in BAR0 (ABI sheet §10.6; tools/lguest/lguest.c, emulate_mmio_write and
/// emulate_mmio_read), the negotiation of features, its queues and its interrupt. Guest thread only.
/// </summary>
/// <remarks>
/// Where lguest's Launcher ended itself over a bad driver ("bad driver!"), this device stops, says so in the log and in
/// its status (DEVICE_NEEDS_RESET), and works again after a reset. Writes that merely have nothing to act upon, such as
/// those to read-only registers, are ignored; so is the width of a read, since reading is not what breaks things.
/// </remarks>
internal abstract class VirtioDevice : IBarRegion
{
    /// <summary>VIRTIO_F_VERSION_1: without it a driver speaks the protocol of before virtio 1.0, which these registers do not.</summary>
    private const ulong Version1 = 1UL << 32;

    private const ushort NoVector = 0xFFFF;
    private const byte IsrQueue = 1;
    private const byte IsrConfig = 2;

    private readonly DeviceLog _log;
    private readonly ulong _offered;
    private readonly Virtqueue[] _queues;
    private readonly uint _configSize;
    private VirtioStatus _status;
    private uint _deviceFeatureSelect;
    private uint _driverFeatureSelect;
    private ulong _accepted;
    private ushort _queueSelect;
    private byte _isr;
    private byte _generation;

    /// <param name="name">For the log.</param>
    /// <param name="ram">Where the rings and buffers are.</param>
    /// <param name="log">Hears of broken drivers.</param>
    /// <param name="features">Offered beside VERSION_1.</param>
    /// <param name="queues">Number of queues.</param>
    /// <param name="configSize">Bytes of device configuration.</param>
    protected VirtioDevice(string name, GuestRam ram, DeviceLog log, ulong features, int queues, uint configSize)
    {
        Name = name;
        Ram = ram;
        _log = log;
        _offered = features | Version1;
        _queues = new Virtqueue[queues];
        for (int i = 0; i < queues; i++)
        {
            _queues[i] = new Virtqueue(ram);
        }

        _configSize = configSize;
        Size = BitOperations.RoundUpToPowerOf2(VirtioRegister.Config + configSize);
    }

    public string Name { get; }

    /// <inheritdoc/>
    public uint Size { get; }

    /// <summary>Bytes of device configuration at offset 60.</summary>
    public uint ConfigSize => _configSize;

    /// <summary>device_status as the driver reads it.</summary>
    public VirtioStatus Status => _status;

    /// <summary>Where the interrupt line ends; nobody listens until this is set.</summary>
    public IInterruptSink? Interrupts { get; set; }

    /// <summary>For a device that works in another thread: gets the Guest thread to look whether there is work for it. Callable from any thread.</summary>
    public Action? Knock { get; set; }

    /// <summary>The line: IRQ number = PCI slot.</summary>
    public int Irq { get; set; }

    /// <summary>What somebody who wonders about this device may want to know; empty: nothing.</summary>
    public virtual string Details => "";

    protected GuestRam Ram { get; }

    /// <summary>DRIVER_OK, and not broken since: queues are served.</summary>
    protected bool IsLive => (_status & (VirtioStatus.DriverOk | VirtioStatus.NeedsReset | VirtioStatus.Failed)) == VirtioStatus.DriverOk;

    /// <summary>Features that both sides have agreed on. Only while <see cref="IsLive"/>.</summary>
    protected ulong Accepted => _accepted;

    protected Virtqueue Queue(int number) => _queues[number];

    /// <summary>DRIVER_OK: what was negotiated counts from here on. Queues are served right after this.</summary>
    protected virtual void Started()
    {
        // Most devices see to it when it matters.
    }

    /// <summary>The driver says that queue <paramref name="number"/> has something; or has just become live. Only while <see cref="IsLive"/>.</summary>
    protected abstract void Serve(int number);

    /// <summary>Reads a byte of device configuration, offset &lt; ConfigSize.</summary>
    protected abstract byte ReadConfig(uint offset);

    /// <summary>Writes to device configuration, at any status.</summary>
    protected abstract void WriteConfig(uint offset, int size, uint value);

    /// <summary>Registers and queues, for snapshots; a device with more to remember adds it.</summary>
    public virtual void ExchangeState(StateArchive archive)
    {
        archive.Field(ref _status);
        archive.Field(ref _deviceFeatureSelect);
        archive.Field(ref _driverFeatureSelect);
        archive.Field(ref _accepted);
        archive.Field(ref _queueSelect);
        archive.Field(ref _isr);
        archive.Field(ref _generation);
        foreach (Virtqueue queue in _queues)
        {
            queue.ExchangeState(archive);
        }
    }

    public uint Read(uint offset, int size)
    {
        if (offset < VirtioRegister.Config)
        {
            (uint start, int width) = VirtioRegister.Containing(offset);
            if (start == offset && width == size)
            {
                return ReadRegister(offset);
            }
        }

        uint value = 0;
        for (int i = size - 1; i >= 0; i--)
        {
            value = (value << 8) | ReadByte(offset + (uint)i);
        }

        return value;
    }

    public void Write(uint offset, int size, uint value)
    {
        if (offset >= VirtioRegister.Config)
        {
            WriteConfig(offset - VirtioRegister.Config, size, value);
            return;
        }

        (uint start, int width) = VirtioRegister.Containing(offset);
        if (offset == VirtioRegister.DeviceStatus && size == 1 && value == 0)
        {
            Reset();
        }
        else if ((_status & VirtioStatus.NeedsReset) != 0)
        {
            // Stopped. Only a reset gets through.
        }
        else if (start != offset || width != size)
        {
            Break($"{size} bytes written at 0x{offset:x2}, where a register of {width} starts at 0x{start:x2}");
        }
        else
        {
            WriteRegister(offset, value);
        }
    }

    /// <summary>If the driver has news in <paramref name="queue"/> and wants to hear of it: isr, then the interrupt.</summary>
    protected void InterruptFor(Virtqueue queue)
    {
        if (queue.TakeNews())
        {
            Raise(IsrQueue);
        }
    }

    /// <summary>The next chain that the driver offers; false when there is none, or nonsense, which stops the device.</summary>
    protected bool TryTake(Virtqueue queue, out DescriptorChain chain)
    {
        TakeResult result = queue.TryTake();
        chain = queue.Chain;
        if (result == TakeResult.Broken)
        {
            Break(queue.Defect);
        }

        return result == TakeResult.Taken;
    }

    /// <summary>Device configuration reads otherwise from here on. A driver that reads it in pieces looks at the generation before and after.</summary>
    protected void ConfigChanged()
    {
        _generation++;
        if (IsLive)
        {
            Raise(IsrConfig);
        }
    }

    /// <summary>The driver cannot be understood any more: stop until it resets the device.</summary>
    protected void Break(string reason)
    {
        _log.Complain(Name, reason);
        bool tell = (_status & VirtioStatus.DriverOk) != 0;
        _status |= VirtioStatus.NeedsReset;
        if (tell)
        {
            Raise(IsrConfig);
        }
    }

    private void Raise(byte cause)
    {
        _isr |= cause;
        Interrupts?.SetInterrupt(Irq);
    }

    /// <summary>Status 0. The selectors and isr stay as they are, as in lguest.</summary>
    private void Reset()
    {
        _status = VirtioStatus.None;
        _accepted = 0;
        foreach (Virtqueue queue in _queues)
        {
            queue.Reset();
        }
    }

    private byte ReadByte(uint offset)
    {
        if (offset >= VirtioRegister.Config)
        {
            uint inConfig = offset - VirtioRegister.Config;
            return inConfig < _configSize ? ReadConfig(inConfig) : (byte)0;
        }

        (uint start, _) = VirtioRegister.Containing(offset);
        return (byte)(ReadRegister(start) >> (int)(8 * (offset - start)));
    }

    private uint ReadRegister(uint offset)
    {
        Virtqueue? queue = SelectedQueue;
        switch (offset)
        {
            case VirtioRegister.DeviceFeatureSelect:
                return _deviceFeatureSelect;
            case VirtioRegister.DeviceFeature:
                return Half(_offered, _deviceFeatureSelect);
            case VirtioRegister.DriverFeatureSelect:
                return _driverFeatureSelect;
            case VirtioRegister.DriverFeature:
                return Half(_accepted, _driverFeatureSelect);
            case VirtioRegister.MsixConfig:
            case VirtioRegister.QueueMsixVector:
                return NoVector;
            case VirtioRegister.NumQueues:
                return (uint)_queues.Length;
            case VirtioRegister.DeviceStatus:
                return (uint)_status;
            case VirtioRegister.ConfigGeneration:
                return _generation;
            case VirtioRegister.QueueSelect:
                return _queueSelect;
            case VirtioRegister.QueueSize:
                return queue?.Size ?? 0u;
            case VirtioRegister.QueueEnable:
                return queue is { Enabled: true } ? 1u : 0;
            case VirtioRegister.QueueDescriptors or VirtioRegister.QueueDescriptors + 4:
                return Half(queue?.Descriptors ?? 0, (offset - VirtioRegister.QueueDescriptors) / 4);
            case VirtioRegister.QueueAvailable or VirtioRegister.QueueAvailable + 4:
                return Half(queue?.Available ?? 0, (offset - VirtioRegister.QueueAvailable) / 4);
            case VirtioRegister.QueueUsed or VirtioRegister.QueueUsed + 4:
                return Half(queue?.Used ?? 0, (offset - VirtioRegister.QueueUsed) / 4);
            case VirtioRegister.Isr:
                // Reading acknowledges.
                uint isr = _isr;
                _isr = 0;
                return isr;
            default:
                // queue_notify_off, notify, padding.
                return 0;
        }
    }

    private void WriteRegister(uint offset, uint value)
    {
        switch (offset)
        {
            case VirtioRegister.DeviceFeatureSelect:
                _deviceFeatureSelect = value;
                break;
            case VirtioRegister.DriverFeatureSelect:
                _driverFeatureSelect = value;
                break;
            case VirtioRegister.DriverFeature:
                AcceptFeatures(value);
                break;
            case VirtioRegister.DeviceStatus:
                ChangeStatus((VirtioStatus)value);
                break;
            case VirtioRegister.QueueSelect:
                _queueSelect = (ushort)value;
                break;
            case VirtioRegister.QueueEnable:
                EnableQueue(value);
                break;
            case VirtioRegister.QueueSize:
            case >= VirtioRegister.QueueDescriptors and < VirtioRegister.Notify:
                ConfigureQueue(offset, value);
                break;
            case VirtioRegister.Notify:
                if (IsLive && value < _queues.Length)
                {
                    Serve((int)value);
                }

                break;
            default:
                // Read-only, or MSI-X, which we never offered.
                break;
        }
    }

    private void AcceptFeatures(uint value)
    {
        if ((_status & (VirtioStatus.Driver | VirtioStatus.FeaturesOk)) != VirtioStatus.Driver)
        {
            Break($"features written at status 0x{(int)_status:x2}");
        }
        else if ((value & ~Half(_offered, _driverFeatureSelect)) != 0)
        {
            Break($"features 0x{value:x8} of word {_driverFeatureSelect} accepted, 0x{Half(_offered, _driverFeatureSelect):x8} offered");
        }
        else if (_driverFeatureSelect < 2)
        {
            int shift = (int)_driverFeatureSelect * 32;
            _accepted = (_accepted & ~(0xFFFFFFFFUL << shift)) | ((ulong)value << shift);
        }
    }

    /// <summary>One new bit at a time, in the order ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK; or FAILED.</summary>
    private void ChangeStatus(VirtioStatus status)
    {
        VirtioStatus added = status & ~_status;
        if ((_status & ~status) != 0)
        {
            Break($"status bits cleared (0x{(int)_status:x2} to 0x{(int)status:x2})");
            return;
        }

        switch (added)
        {
            case VirtioStatus.None:
                break;
            case VirtioStatus.Acknowledge:
            case VirtioStatus.Driver when (_status & VirtioStatus.Acknowledge) != 0:
            case VirtioStatus.Failed:
                _status |= added;
                break;
            case VirtioStatus.FeaturesOk when (_status & VirtioStatus.Driver) != 0:
                // Refused by staying clear, which is why drivers read it back.
                _status |= (_accepted & Version1) != 0 ? added : VirtioStatus.None;
                break;
            case VirtioStatus.DriverOk when (_status & VirtioStatus.FeaturesOk) != 0:
                _status |= added;
                Started();
                ServeAll();
                break;
            default:
                Break($"status 0x{(int)_status:x2} to 0x{(int)status:x2}");
                break;
        }
    }

    /// <summary>What the driver had ready, or was told about too early, before it said DRIVER_OK.</summary>
    private void ServeAll()
    {
        for (int i = 0; i < _queues.Length && IsLive; i++)
        {
            Serve(i);
        }
    }

    private void ConfigureQueue(uint offset, uint value)
    {
        if (SelectedQueue is not { } queue)
        {
            return;
        }

        if ((_status & VirtioStatus.FeaturesOk) == 0 || queue.Enabled)
        {
            Break($"queue {_queueSelect} configured {(queue.Enabled ? "after it was enabled" : "before FEATURES_OK")}");
            return;
        }

        switch (offset)
        {
            case VirtioRegister.QueueSize:
                queue.Size = (ushort)value;
                break;
            case < VirtioRegister.QueueAvailable:
                queue.Descriptors = WithHalf(queue.Descriptors, offset, value);
                break;
            case < VirtioRegister.QueueUsed:
                queue.Available = WithHalf(queue.Available, offset, value);
                break;
            default:
                queue.Used = WithHalf(queue.Used, offset, value);
                break;
        }
    }

    private void EnableQueue(uint value)
    {
        if (SelectedQueue is not { } queue)
        {
            return;
        }

        if (value != 1 || (_status & (VirtioStatus.FeaturesOk | VirtioStatus.DriverOk)) != VirtioStatus.FeaturesOk)
        {
            Break($"queue_enable {value} at status 0x{(int)_status:x2}");
        }
        else if (!queue.Enabled && !queue.TryEnable())
        {
            Break($"queue {_queueSelect}: {queue.Defect}");
        }
    }

    private Virtqueue? SelectedQueue => _queueSelect < _queues.Length ? _queues[_queueSelect] : null;

    private static uint Half(ulong value, uint word) => word switch
    {
        0 => (uint)value,
        1 => (uint)(value >> 32),
        _ => 0,
    };

    /// <summary>Replaces the low or high half; bit 2 of the register's offset says which.</summary>
    private static ulong WithHalf(ulong old, uint offset, uint value) =>
        (offset & 4) == 0 ? (old & 0xFFFFFFFF00000000) | value : (old & 0xFFFFFFFF) | ((ulong)value << 32);
}
