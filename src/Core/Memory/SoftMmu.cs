using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Memory;

/// <summary>
/// The Guest's MMU: which page directory is in force, the cached soft TLBs of recent ones, and what the hypercalls
/// that flush them mean (design §12.6). Fills happen in <see cref="ColdAccess"/>.
/// </summary>
internal sealed unsafe class SoftMmu : IDisposable
{
    /// <summary>
    /// SWITCHER_ADDR as the Guest sees it (4 GiB − reserve_mem): nothing at or above it can be mapped by the Guest.
    /// </summary>
    public const uint SwitcherAddress = 0xFFC00000;

    private const int MaximumSpaces = 64;

    /// <summary>The page directory of a space that belongs to none. No hypercall can name it: they name pages.</summary>
    private const uint NoDirectory = uint.MaxValue;

    private readonly TlbClock _clock = new();
    private readonly List<AddressSpace> _spaces = [];
    private readonly GuestCpu* _cpu;
    private AddressSpace _current;
    private uint _kernelAddress = uint.MaxValue;
    private long _useClock;

    /// <param name="ram">What pages lie in.</param>
    /// <param name="cpu">Is told of the state that the tables in force are in (<see cref="GuestCpu.TlbEpoch"/>).</param>
    public SoftMmu(GuestRam ram, GuestCpu* cpu)
    {
        Ram = ram;
        _cpu = cpu;
        Code = new CodeMap(ram) { EntriesTaken = WriteEntriesTaken };
        _current = new AddressSpace(_clock) { PageDirectory = NoDirectory };
        _spaces.Add(_current);
    }

    public GuestRam Ram { get; }

    public GuestCpu* Cpu => _cpu;

    public CodeMap Code { get; }

    /// <summary>False until the first NEW_PGTABLE: virtual = physical, all of it supervisor and writable.</summary>
    public bool Paging { get; private set; }

    /// <summary>Guest-physical address of the page directory in force.</summary>
    public uint PageDirectory => _current.PageDirectory;

    public AddressSpace Current => _current;

    /// <summary>End of the device region in guest-physical space, bytes; RAM size while there are no devices.</summary>
    public uint DeviceLimit { get; set; }

    /// <summary>Who keeps track of written pages; null: nobody. To be set before anything has been filled.</summary>
    public DirtyPages? Dirty { get; private set; }

    /// <summary>Starts to keep track of written pages. RAM must be untouched.</summary>
    public DirtyPages TrackWrites()
    {
        Dirty = new DirtyPages(Ram, Code);
        Ram.Dirty = Dirty;
        foreach (AddressSpace space in _spaces)
        {
            space.Tracked = true;
        }

        return Dirty;
    }

    /// <summary>Cold fills since the start: the "TLB fills" of the statistics.</summary>
    public long Fills { get; set; }

    /// <summary>lguest_data.kernel_address: mappings from here up are alike in all page directories.</summary>
    public uint KernelAddress
    {
        get => _kernelAddress;
        set => _kernelAddress = value;
    }

    /// <summary>Points the CPU to the tables for its privilege. To be called after a change of CPL or of address space.</summary>
    public void Activate(GuestCpu* cpu)
    {
        bool user = cpu->Cpl == 3;
        cpu->ReadTable = _current.ReadTable(user);
        cpu->WriteTable = _current.WriteTable(user);
        Publish();
    }

    /// <summary>An entry of the space in force is about to be replaced by another.</summary>
    public void EntryChanges()
    {
        _current.EntryLost();
        Publish();
    }

    /// <summary>Back to linear mode, with nothing cached. The CPU's tables have to be <see cref="Activate">activated</see> again.</summary>
    public void Reset()
    {
        FlushAll();
        foreach (AddressSpace space in _spaces)
        {
            space.PageDirectory = NoDirectory;
        }

        Paging = false;
        _kernelAddress = uint.MaxValue;
    }

    /// <summary>NEW_PGTABLE (guest_new_pagetable). The address is not validated: a bad one kills at the next walk.</summary>
    /// <param name="cpu">Gets the new tables.</param>
    /// <param name="pageDirectory">Guest-physical.</param>
    /// <param name="trusted">
    /// False while the Guest does not yet announce every change (before it used a third page directory, ABI §6.4): what
    /// a cached space holds may be stale then.
    /// </param>
    public void SetPageDirectory(GuestCpu* cpu, uint pageDirectory, bool trusted)
    {
        if (!Paging)
        {
            Paging = true;
            _current.DropAll();
            _current.PageDirectory = pageDirectory;
        }

        AddressSpace? found = Find(pageDirectory);
        _current = found ?? Recycle(pageDirectory);
        _current.LastUsed = ++_useClock;
        if (!trusted)
        {
            FlushAll();
        }

        Activate(cpu);
    }

    /// <summary>SET_PTE: the page is dropped in the named directory, or in all of them if it is a kernel page.</summary>
    public void DropPage(uint pageDirectory, uint virtualAddress)
    {
        uint page = virtualAddress >> 12;
        if (virtualAddress >= _kernelAddress)
        {
            foreach (AddressSpace space in _spaces)
            {
                space.Drop(page);
            }
        }
        else
        {
            Find(pageDirectory)?.Drop(page);
        }

        Publish();
    }

    /// <summary>SET_PGD: one 4 MiB slot is dropped, by the same rule.</summary>
    public void DropSlot(uint pageDirectory, uint index)
    {
        uint first = index << 10;
        if (first << 12 >= _kernelAddress)
        {
            foreach (AddressSpace space in _spaces)
            {
                space.DropRange(first, first + 1024);
            }
        }
        else
        {
            Find(pageDirectory)?.DropRange(first, first + 1024);
        }

        Publish();
    }

    /// <summary>FLUSH_TLB(0): the user part of the tables in force.</summary>
    public void FlushUser()
    {
        _current.DropRange(0, _kernelAddress >> 12);
        Publish();
    }

    /// <summary>FLUSH_TLB(≠0): everything, in every cached space.</summary>
    public void FlushAll()
    {
        foreach (AddressSpace space in _spaces)
        {
            space.DropAll();
        }

        Publish();
    }

    public void Dispose()
    {
        foreach (AddressSpace space in _spaces)
        {
            space.Release();
        }

        _spaces.Clear();
        Dirty?.Dispose();
        Code.Dispose();
    }

    /// <summary>What the MMU remembers, but for the cached entries (<see cref="SaveEntries"/>).</summary>
    public void ExchangeState(StateArchive archive)
    {
        Paging = archive.Value(Paging);
        archive.Field(ref _kernelAddress);
        _ = archive.Value(PageDirectory);
    }

    /// <summary>Copies every cached entry. At a checkpoint, where no write entry is live.</summary>
    public TlbSnapshot SaveEntries()
    {
        var spaces = new List<TlbSnapshot.Space>(_spaces.Count);
        foreach (AddressSpace space in _spaces)
        {
            spaces.Add(TlbSnapshot.Save(space, isCurrent: space == _current));
        }

        return new TlbSnapshot(spaces, _spaces.IndexOf(_current), _useClock);
    }

    /// <summary>Puts back what <see cref="SaveEntries"/> took. The CPU's tables have to be <see cref="Activate">activated</see> again.</summary>
    public void RestoreEntries(TlbSnapshot snapshot)
    {
        for (int i = 0; i < _spaces.Count; i++)
        {
            _spaces[i].DropAll();
            if (i < snapshot.Spaces.Count)
            {
                snapshot.Spaces[i].RestoreTo(_spaces[i]);
            }
            else
            {
                _spaces[i].PageDirectory = NoDirectory;
            }
        }

        _current = _spaces[snapshot.Current];
        _useClock = snapshot.UseClock;
    }

    private void WriteEntriesTaken()
    {
        // Of whichever space: it is rare enough not to ask.
        foreach (AddressSpace space in _spaces)
        {
            space.EntryLost();
        }

        Publish();
    }

    private void Publish() => _cpu->TlbEpoch = _current.Epoch;

    private AddressSpace? Find(uint pageDirectory)
    {
        // Processes change their own memory most of the time.
        if (_current.PageDirectory == pageDirectory)
        {
            return _current;
        }

        foreach (AddressSpace space in _spaces)
        {
            if (space.PageDirectory == pageDirectory)
            {
                return space;
            }
        }

        return null;
    }

    private AddressSpace Recycle(uint pageDirectory)
    {
        AddressSpace? space = Find(NoDirectory);
        if (space == null && _spaces.Count < MaximumSpaces)
        {
            space = new AddressSpace(_clock) { Tracked = Dirty != null };
            _spaces.Add(space);
        }
        else if (space == null)
        {
            space = _spaces.MinBy(static s => s.LastUsed)!;
            space.DropAll();
        }

        space.PageDirectory = pageDirectory;
        return space;
    }
}
