using System.Runtime.CompilerServices;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Memory;

/// <summary>
/// Every access to Guest-virtual memory that the inline look-up could not serve: TLB misses, accesses across a page,
/// devices, and stores to pages that hold code. Linear addresses; segmentation has been applied already. A false
/// result means that the fault record stands in the CPU (or the Guest was killed) and nothing has changed.
/// </summary>
internal static unsafe class ColdAccess
{
    /// <summary>Reads 1, 2 or 4 bytes at the current privilege.</summary>
    public static bool Read(GuestCpu* cpu, uint address, int size, out uint value) =>
        Read(cpu, address, size, cpu->Cpl == 3, out value);

    /// <summary>Reads 1, 2 or 4 bytes as supervisor (descriptor tables and frames that the CPU itself reads) or user.</summary>
    public static bool Read(GuestCpu* cpu, uint address, int size, bool user, out uint value)
    {
        value = 0;
        GuestMachine machine = GuestMachine.Of(cpu);
        int inFirst = InFirstPage(address, size);
        if (!Translate(machine, address, write: false, user, out uint first))
        {
            return false;
        }

        if (inFirst == size)
        {
            return ReadPhysical(machine, address, first, size, user, out value);
        }

        uint rest = address + (uint)inFirst;
        return Translate(machine, rest, write: false, user, out uint second)
            && ReadPhysical(machine, address, first, inFirst, user, out uint low)
            && ReadPhysical(machine, rest, second, size - inFirst, user, out uint high)
            && Join(low, high, inFirst, out value);
    }

    /// <summary>Writes the low 1, 2 or 4 bytes of <paramref name="value"/> at the current privilege.</summary>
    public static bool Write(GuestCpu* cpu, uint address, int size, uint value) =>
        Write(cpu, address, size, cpu->Cpl == 3, value);

    /// <summary>Writes as supervisor (frames pushed by trap delivery) or user.</summary>
    public static bool Write(GuestCpu* cpu, uint address, int size, bool user, uint value)
    {
        GuestMachine machine = GuestMachine.Of(cpu);
        int inFirst = InFirstPage(address, size);
        if (!Translate(machine, address, write: true, user, out uint first))
        {
            return false;
        }

        if (inFirst == size)
        {
            return WritePhysical(machine, address, first, size, user, value);
        }

        // Both pages are known to be writable before the first byte changes.
        uint rest = address + (uint)inFirst;
        return Translate(machine, rest, write: true, user, out uint second)
            && WritePhysical(machine, address, first, inFirst, user, value)
            && WritePhysical(machine, rest, second, size - inFirst, user, value >> (8 * inFirst));
    }

    /// <summary>
    /// Would a write of these bytes succeed? For instructions that must not do half of their work: read-modify-write
    /// forms, pushes of several words, 8-byte stores. Sets A and D like the write that follows.
    /// </summary>
    public static bool ProbeWrite(GuestCpu* cpu, uint address, int size) => ProbeWrite(cpu, address, size, cpu->Cpl == 3);

    /// <inheritdoc cref="ProbeWrite(GuestCpu*, uint, int)"/>
    public static bool ProbeWrite(GuestCpu* cpu, uint address, int size, bool user)
    {
        GuestMachine machine = GuestMachine.Of(cpu);
        if (user == (cpu->Cpl == 3) && (address & 0xFFF) + (uint)size <= 0x1000 && cpu->WriteTable[address >> 12] != 0)
        {
            return true;
        }

        for (uint done = 0; done < (uint)size; done += 0x1000 - ((address + done) & 0xFFF))
        {
            if (!Translate(machine, address + done, write: true, user, out _))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Reads any number of bytes for operands larger than 4 (x87, descriptors, cmpxchg8b); all or nothing.</summary>
    public static bool ReadBytes(GuestCpu* cpu, uint address, Span<byte> destination)
    {
        // Operands are hot enough to look before walking; and a state of the FPU on a stack may well lie across the end of a page.
        while (destination.Length > 0)
        {
            Span<byte> piece = destination[..InFirstPage(address, destination.Length)];
            ulong entry = cpu->ReadTable[address >> 12];
            if (entry != 0)
            {
                new ReadOnlySpan<byte>((byte*)(entry + address), piece.Length).CopyTo(piece);
            }
            else if (!ReadItems(cpu, address, piece))
            {
                return false;
            }

            address += (uint)piece.Length;
            destination = destination[piece.Length..];
        }

        return true;
    }

    /// <summary>Writes any number of bytes; all or nothing.</summary>
    public static bool WriteBytes(GuestCpu* cpu, uint address, ReadOnlySpan<byte> source)
    {
        if (InFirstPage(address, source.Length) != source.Length && !ProbeWrite(cpu, address, source.Length))
        {
            return false;
        }

        while (source.Length > 0)
        {
            ReadOnlySpan<byte> piece = source[..InFirstPage(address, source.Length)];
            ulong entry = cpu->WriteTable[address >> 12];
            if (entry != 0)
            {
                piece.CopyTo(new Span<byte>((byte*)(entry + address), piece.Length));
            }
            else if (!WriteItems(cpu, address, piece))
            {
                return false;
            }

            address += (uint)piece.Length;
            source = source[piece.Length..];
        }

        return true;
    }

    /// <summary>Within one page, for which there is no entry, by what devices understand: 4 bytes at a time, and the rest one by one.</summary>
    private static bool ReadItems(GuestCpu* cpu, uint address, Span<byte> destination)
    {
        for (int i = 0; i < destination.Length;)
        {
            int chunk = destination.Length - i >= 4 ? 4 : 1;
            if (!Read(cpu, address + (uint)i, chunk, out uint value))
            {
                return false;
            }

            if (chunk == 4)
            {
                Unsafe.WriteUnaligned(ref destination[i], value);
            }
            else
            {
                destination[i] = (byte)value;
            }

            i += chunk;
        }

        return true;
    }

    /// <inheritdoc cref="ReadItems"/>
    private static bool WriteItems(GuestCpu* cpu, uint address, ReadOnlySpan<byte> source)
    {
        if (!ProbeWrite(cpu, address, source.Length))
        {
            return false;
        }

        for (int i = 0; i < source.Length;)
        {
            int chunk = source.Length - i >= 4 ? 4 : 1;
            uint value = chunk == 4 ? Unsafe.ReadUnaligned<uint>(in source[i]) : source[i];
            if (!Write(cpu, address + (uint)i, chunk, value))
            {
                return false;
            }

            i += chunk;
        }

        return true;
    }

    /// <summary>
    /// Where the instruction byte at <paramref name="address"/> lies. An instruction fetch needs what a read needs;
    /// fetching from a device kills, as there is nothing sensible that lguest would do.
    /// </summary>
    public static bool TranslateFetch(GuestCpu* cpu, uint address, out uint physical)
    {
        GuestMachine machine = GuestMachine.Of(cpu);
        if (!Translate(machine, address, write: false, cpu->Cpl == 3, out physical))
        {
            return false;
        }

        return machine.Ram.Contains(physical, 1) || Fault.Page(cpu, address, present: true, write: false, cpu->Cpl == 3);
    }

    /// <summary>
    /// Translates and fills the soft TLB. The result may lie in the device region; anything else outside RAM has
    /// killed the Guest.
    /// </summary>
    public static bool Translate(GuestMachine machine, uint address, bool write, bool user, out uint physical)
    {
        GuestCpu* cpu = machine.Cpu;
        SoftMmu mmu = machine.Mmu;
        GuestRam ram = machine.Ram;
        physical = address;

        // Not every cold access is a miss: some cross a page, some come from the Switcher at another privilege.
        ulong known = (write ? mmu.Current.WriteTable(user) : mmu.Current.ReadTable(user))[address >> 12];
        if (known != 0)
        {
            physical = (uint)(known + address - (ulong)ram.Base);
            return true;
        }

        if (write && mmu.Dirty is { } dirty && TryUnpark(mmu, dirty, address, user, out uint unparked))
        {
            physical = unparked;
            return true;
        }

        if (address >= SoftMmu.SwitcherAddress)
        {
            return Fault.Page(cpu, address, present: false, write, user);
        }

        Translation translation;
        if (mmu.Paging)
        {
            WalkResult result = PageWalker.Walk(ram, mmu.PageDirectory, address, write, user, mmu.DeviceLimit, out translation);
            physical = translation.PhysicalPage | (address & 0xFFF);
            switch (result)
            {
                case WalkResult.Ok:
                    break;
                case WalkResult.Device:
                    return true;
                case WalkResult.NotPresent:
                case WalkResult.Protection:
                    return Fault.Page(cpu, address, result == WalkResult.Protection, write, user);
                case WalkResult.BadDirectoryEntry:
                    return Fault.Kill(cpu, "bad page directory entry");
                case WalkResult.BadTableEntry:
                    return Fault.Kill(cpu, "bad page table entry");
                default:
                    return Fault.Kill(cpu, $"bad read address 0x{translation.Detail:x} len 4");
            }
        }
        else if (user)
        {
            return Fault.Page(cpu, address, present: true, write, user);
        }
        else if (!ram.Contains(address, 1))
        {
            return address < mmu.DeviceLimit || Fault.Kill(cpu, "bad page table entry");
        }
        else
        {
            translation = new Translation { PhysicalPage = address & ~0xFFFu, Writable = true, Dirty = true };
        }

        Fill(mmu, address & ~0xFFFu, translation, write, user);
        return true;
    }

    /// <summary>
    /// Fills the soft TLB for a page that nobody has asked for yet, in the space in force, if that changes nothing that the Guest can see:
    /// A and D are set already, as an operating system's own mappings have them. As any silicon may, ahead of the access.
    /// </summary>
    /// <param name="machine">The machine.</param>
    /// <param name="page">Number of the virtual page.</param>
    /// <param name="write">An entry to write through is wanted.</param>
    /// <returns>False if there is no entry of the kind now.</returns>
    public static bool TryFillAhead(GuestMachine machine, uint page, bool write) => TryFillAhead(machine, page, write, machine.Cpu->Cpl == 3);

    /// <summary>The same for ring 3 or for the others, whoever is running.</summary>
    public static bool TryFillAhead(GuestMachine machine, uint page, bool write, bool user)
    {
        SoftMmu mmu = machine.Mmu;
        ulong* reads = mmu.Current.ReadTable(user);
        ref ulong known = ref (write ? mmu.Current.WriteTable(user) : reads)[page];
        uint address = page << 12;
        if (known != 0)
        {
            return true;
        }

        if (!mmu.Paging || address >= SoftMmu.SwitcherAddress
            || PageWalker.Walk(machine.Ram, mmu.PageDirectory, address, write, user, mmu.DeviceLimit, out Translation translation, update: false) != WalkResult.Ok
            || !translation.Marked)
        {
            return false;
        }

        // Who keeps track of written pages is not to be told of one that is not; and what the soft TLB has for reading is not to be replaced on the quiet.
        ulong entry = (ulong)(mmu.Ram.Base + translation.PhysicalPage) - address;
        ulong read = reads[page];
        if ((read != 0 && read != entry) || (write && mmu.Dirty is { } dirty && !dirty.IsMarked(translation.PhysicalPage >> 12)))
        {
            return false;
        }

        Fill(mmu, address, translation, write, user);
        return known != 0;
    }

    /// <summary>
    /// Takes a page's write entry back that was parked at the last checkpoint, in the space and at the privilege in force. The page counts as
    /// written from now on, which costs a hash at the next checkpoint, and nothing that the Guest could see.
    /// </summary>
    /// <returns>False if there is none.</returns>
    public static bool TryUnpark(GuestMachine machine, uint page) =>
        machine.Mmu.Dirty is { } dirty && TryUnpark(machine.Mmu, dirty, page << 12, machine.Cpu->Cpl == 3, out _);

    /// <summary>The first store to a page since the last checkpoint finds its write entry parked, and takes it back.</summary>
    private static bool TryUnpark(SoftMmu mmu, DirtyPages dirty, uint address, bool user, out uint physical)
    {
        uint number = address >> 12;
        ref ulong parked = ref mmu.Current.ParkedTable(user)[number];
        ulong entry = parked;
        physical = 0;
        if (entry == 0)
        {
            return false;
        }

        parked = 0;
        uint found = (uint)(entry + address - (ulong)mmu.Ram.Base);
        if (mmu.Code.HasCode(found >> 12))
        {
            // It would have lost the entry meanwhile.
            return false;
        }

        dirty.Mark(found >> 12);
        ulong* cell = mmu.Current.WriteTable(user) + number;
        *cell = entry;
        mmu.Code.NoteWriteEntry(found >> 12, cell, entry);
        physical = found;
        return true;
    }

    private static void Fill(SoftMmu mmu, uint page, in Translation translation, bool write, bool user)
    {
        AddressSpace space = mmu.Current;
        uint number = page >> 12;
        if (!space.HasEntry(number))
        {
            space.NoteFilled(number);
        }

        mmu.Fills++;
        ulong entry = (ulong)(mmu.Ram.Base + translation.PhysicalPage) - page;
        ref ulong read = ref space.ReadTable(user)[number];
        if (read != 0 && read != entry)
        {
            // The Guest has changed its page table and told nobody. What somebody remembers of the old entry is worth nothing now.
            mmu.EntryChanges();
            mmu.Cpu->Cut = ExitReason.BlockCut;
        }

        read = entry;
        uint frame = translation.PhysicalPage >> 12;
        if (translation.Writable && translation.Dirty && !mmu.Code.HasCode(frame))
        {
            if (mmu.Dirty is { } dirty && !dirty.IsMarked(frame))
            {
                if (!write)
                {
                    space.ParkedTable(user)[number] = entry;
                    return;
                }

                dirty.Mark(frame);
            }

            ulong* cell = space.WriteTable(user) + number;
            *cell = entry;
            mmu.Code.NoteWriteEntry(frame, cell, entry);
        }
    }

    private static bool ReadPhysical(GuestMachine machine, uint address, uint physical, int size, bool user, out uint value)
    {
        value = 0;
        byte* ram = machine.Ram.Base;
        if (machine.Ram.Contains(physical, (uint)size))
        {
            for (int i = size - 1; i >= 0; i--)
            {
                value = (value << 8) | ram[physical + (uint)i];
            }

            return true;
        }

        if (machine.Devices is not { } devices || !devices.Owns(physical))
        {
            return Fault.Page(machine.Cpu, address, present: true, write: false, user);
        }

        value = size == 3
            ? devices.Read(physical, 1) | (devices.Read(physical + 1, 1) << 8) | (devices.Read(physical + 2, 1) << 16)
            : devices.Read(physical, size);
        machine.Cpu->Cut = ExitReason.DeviceAccess;
        return true;
    }

    private static bool WritePhysical(GuestMachine machine, uint address, uint physical, int size, bool user, uint value)
    {
        byte* ram = machine.Ram.Base;
        if (machine.Ram.Contains(physical, (uint)size))
        {
            machine.Ram.Dirty?.Mark(physical >> 12);
            for (int i = 0; i < size; i++)
            {
                ram[physical + (uint)i] = (byte)(value >> (8 * i));
            }

            if (machine.Mmu.Code.HasCode(physical >> 12))
            {
                machine.Ram.WriteObserver?.NotifyWrite(physical, (uint)size);
            }

            return true;
        }

        if (machine.Devices is not { } devices || !devices.Owns(physical))
        {
            return Fault.Page(machine.Cpu, address, present: true, write: true, user);
        }

        if (size == 3)
        {
            devices.Write(physical, 1, value);
            devices.Write(physical + 1, 2, value >> 8);
        }
        else
        {
            devices.Write(physical, size, value);
        }

        machine.Cpu->Cut = ExitReason.DeviceAccess;
        return true;
    }

    private static int InFirstPage(uint address, int size) => (int)Math.Min((uint)size, 0x1000 - (address & 0xFFF));

    private static bool Join(uint low, uint high, int lowBytes, out uint value)
    {
        value = low | (high << (8 * lowBytes));
        return true;
    }
}
