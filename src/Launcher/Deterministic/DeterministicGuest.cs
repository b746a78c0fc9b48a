using System.IO.Hashing;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Launcher.Compare;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;
using Lguest.Jit.Switcher.Deterministic;

namespace Lguest.Jit.Launcher.Deterministic;

/// <summary>What makes one deterministic Guest.</summary>
internal sealed record DeterministicSetup
{
    /// <summary>Bytes of RAM.</summary>
    public required uint Memory { get; init; }

    public required Func<GuestMachine, IExecutionEngine> CreateEngine { get; init; }

    /// <summary>Fills the RAM.</summary>
    public required Func<GuestRam, LoadedKernel> Load { get; init; }

    public GuestOptions Options { get; init; } = new();

    /// <summary>Ticks a millisecond.</summary>
    public uint Khz { get; init; } = DeterministicClock.DefaultKhz;

    public required HashingSink Output { get; init; }

    public required ScriptedInput Input { get; init; }

    public required DeviceLog Log { get; init; }

    /// <summary>Plugs in whatever there is beside the console. A device with moments of its own is an <see cref="ITimedEvents"/>.</summary>
    public Action<MachineDevices>? Plug { get; init; }

    /// <summary>Keep track of written pages: for checkpoints on the way, and to go back.</summary>
    public bool Tracked { get; init; }

    /// <summary>Beside the engine's compiler, if it has one: shows what was made of a block.</summary>
    public TranslationCapture? Translations { get; init; }

    /// <summary>For tests of the comparison: does something wrong to the finished Guest.</summary>
    public Action<DeterministicGuest>? Sabotage { get; init; }
}

/// <summary>
/// One life of a Guest in deterministic time: machine, engine, devices and Switcher, which can be run to an exact instruction,
/// hashed there, and taken back.
/// </summary>
internal sealed unsafe class DeterministicGuest : IDisposable
{
    private readonly StateArchive _compared = new();
    private readonly StateArchive _saved = new();
    private readonly HashingSink _output;
    private readonly ScriptedInput _input;
    private readonly DirtyPages? _dirty;
    private readonly ICodeWriteObserver? _code;
    private MachineSnapshot? _anchor;

    /// <exception cref="LoadException">There is nothing to run.</exception>
    public DeterministicGuest(DeterministicSetup setup)
    {
        Machine = new GuestMachine(setup.Memory, new DeterministicClock(setup.Khz));
        try
        {
            _dirty = setup.Tracked ? Machine.Mmu.TrackWrites() : null;
            LoadedKernel kernel = setup.Load(Machine.Ram);
            _output = setup.Output;
            _input = setup.Input;
            Devices = new MachineDevices(Machine, _output, _input.Queue, setup.Log, setup.Plug);
            Translations = setup.Translations;
            Engine = setup.CreateEngine(Machine);
            _code = Machine.Ram.WriteObserver;
            Guest = new LguestGuest(Machine, Engine, Devices.Ports, setup.Options) { DeviceWork = Devices };
            Guest.AddEvents(_input);
            foreach (ITimedEvents events in Devices.All.OfType<ITimedEvents>())
            {
                Guest.AddEvents(events);
            }

            Devices.Connect(Guest, Guest.Knock);
            Guest.Start(kernel.Entry);
            setup.Sabotage?.Invoke(this);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public GuestMachine Machine { get; }

    public MachineDevices Devices { get; }

    public IExecutionEngine Engine { get; }

    public LguestGuest Guest { get; }

    public TranslationCapture? Translations { get; }

    public HashingSink Output => _output;

    public long Instructions => Machine.Retired;

    /// <summary>How it ended; null while it lives (or has been taken back to life).</summary>
    public GuestEnd? End { get; private set; }

    /// <summary>Frames that have been written since the anchor.</summary>
    public IEnumerable<uint> FramesSinceAnchor => _dirty?.Saved ?? [];

    /// <summary>Runs until so many instructions have been completed, or to the end.</summary>
    public GuestEnd? RunUntil(long instructions) => End = Guest.RunUntil(instructions);

    /// <summary>The state in a few words. Where writes are tracked this is a checkpoint, else all of RAM is read.</summary>
    public GuestDigest Digest()
    {
        ulong memory = _dirty?.Checkpoint() ?? PageHash.OfAll(Machine.Ram);
        ulong lguest = Hash(archive =>
        {
            Machine.Mmu.ExchangeState(archive);
            Guest.ExchangeState(archive);
            _ = archive.Text(Machine.KillReason);
        });
        ulong devices = Hash(Devices.ExchangeState);
        ulong console = Hash(_output.ExchangeState);
        return new GuestDigest(
            Machine.Retired, CpuDigest.Registers(Machine.Cpu), CpuDigest.Tables(Machine.Cpu), CpuDigest.Fpu(Machine.Cpu), lguest, devices, console, memory);
    }

    /// <summary>From now on <see cref="Rollback"/> leads here. To be called right after <see cref="Digest"/>, and only if writes are tracked.</summary>
    public void Anchor()
    {
        _anchor = new MachineSnapshot(Machine);
        _saved.BeginSave();
        ExchangeState(_saved);
        _output.Release();
    }

    /// <summary>Back to the anchor.</summary>
    public void Rollback()
    {
        _anchor!.Restore(_code);
        _saved.BeginLoad();
        ExchangeState(_saved);
        _output.Forget();
        End = null;
    }

    public void Dispose()
    {
        Guest?.Dispose();
        Engine?.Dispose();
        Devices?.Dispose();
        Machine.Dispose();
    }

    private void ExchangeState(StateArchive archive)
    {
        Guest.ExchangeState(archive);
        Devices.ExchangeState(archive);
        _output.ExchangeState(archive);
    }

    private ulong Hash(Action<StateArchive> exchange)
    {
        _compared.BeginSave(comparing: true);
        exchange(_compared);
        return XxHash3.HashToUInt64(_compared.Bytes);
    }
}
