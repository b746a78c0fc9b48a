using System.Reflection.Emit;
using System.Runtime.InteropServices;
using Iced.Intel;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>A window in a region's code: three IL locals that nothing changes while the method runs.</summary>
/// <param name="Start">0 − Guest-virtual address of its first byte, modulo 2^32.</param>
/// <param name="Limit">The last offset at which four bytes are inside (64 bits); −1: it is shut.</param>
/// <param name="Base">Host address of its first byte.</param>
/// <remarks>Valid for as long as the method runs: nothing that takes entries out of the soft TLB, or changes one, happens without leaving it.</remarks>
internal sealed record Window(LocalBuilder Start, LocalBuilder Limit, LocalBuilder Base);

/// <summary>The windows of one region: chosen before emission by what the instructions of its loops access.</summary>
internal sealed unsafe class Windows
{
    private readonly HashSet<AccessClass> _classes = [];
    private readonly Dictionary<AccessClass, (Window Window, WindowUse Use)> _chosen = [];
    private readonly List<Window> _windows = [];

    /// <summary>In native memory; null: there are no windows.</summary>
    public WindowTable* Table { get; private set; }

    /// <summary>Which class looks through which.</summary>
    public IEnumerable<WindowUse> Uses => _chosen.Values.Select(static chosen => chosen.Use);

    /// <summary>The windows, for the names of their locals.</summary>
    public IReadOnlyList<Window> All => _windows;

    /// <summary>The window for this class, and the use that a miss is to be told to; false: the soft TLB has to be asked.</summary>
    public bool TryFind(AccessClass accesses, out Window window, out nint record)
    {
        bool found = _chosen.TryGetValue(accesses, out (Window Window, WindowUse Use) chosen);
        (window, record) = found ? (chosen.Window, chosen.Use.Record) : (null!, 0);
        return found;
    }

    /// <summary>Takes the accesses of an instruction into account.</summary>
    public void Add(in Instruction i)
    {
        if (i.Mnemonic is Mnemonic.Push or Mnemonic.Pop or Mnemonic.Call or Mnemonic.Ret)
        {
            _classes.Add(AccessClass.Stack);
        }

        if (i.Mnemonic == Mnemonic.Leave)
        {
            _classes.Add(new AccessClass(Reg.Ebp, Write: false));
        }

        for (int k = 0; k < i.OpCount; k++)
        {
            if (i.GetOpKind(k) == OpKind.Memory && i.Mnemonic is not (Mnemonic.Lea or Mnemonic.Nop))
            {
                _classes.Add(AccessClass.Of(AddressForm.Of(i), AccessClass.IsWritten(i, k)));
            }
        }
    }

    /// <summary>Declares the windows.</summary>
    /// <param name="il">Where.</param>
    /// <param name="plan">Who is to look through which.</param>
    /// <param name="allocations">Takes the table, to be freed with the method.</param>
    public void Choose(ILGenerator il, WindowPlan plan, List<nint> allocations)
    {
        List<IGrouping<int, AccessClass>> groups = [.. _classes.Where(c => plan.Of(c) != WindowPlan.None).GroupBy(plan.Of).OrderBy(static g => g.Key)];
        if (groups.Count == 0)
        {
            return;
        }

        // Behind the table a byte for each use, whose address is its name.
        int size = WindowTable.Size(groups.Count);
        Table = (WindowTable*)HostAllocations.Take((nuint)(size + _classes.Count), 64);
        NativeMemory.Clear(Table, (nuint)size);
        allocations.Add((nint)Table);
        Table->Count = groups.Count;
        nint record = (nint)Table + size;
        for (int number = 0; number < groups.Count; number++)
        {
            AccessWindow* native = WindowTable.Window(Table, number);
            *native = new AccessWindow { Limit = -1, Writable = groups[number].Any(static c => c.Write) ? 1 : 0 };
            var window = new Window(il.DeclareLocal(typeof(uint)), il.DeclareLocal(typeof(long)), il.DeclareLocal(typeof(ulong)));
            _windows.Add(window);
            bool alone = groups[number].Count() == 1;
            foreach (AccessClass accesses in groups[number])
            {
                _chosen.Add(accesses, (window, new WindowUse(accesses, number, record++) { IsAlone = alone }));
            }
        }
    }

    /// <summary>Loads the windows, once it is certain that they are still good.</summary>
    public void EmitPrologue(RegionContext c)
    {
        if (Table == null)
        {
            return;
        }

        ILGenerator il = c.Il;
        Label good = il.DefineLabel();
        Push(il, &Table->Epoch);
        il.Emit(OpCodes.Ldind_I8);
        il.Emit(OpCodes.Ldarg_0);
        c.Offset(MethodNames.TlbEpoch);
        il.Emit(OpCodes.Ldind_I8);
        il.Emit(OpCodes.Beq, good);
        il.Emit(OpCodes.Ldarg_0);
        Push(il, Table);
        il.Emit(OpCodes.Call, MethodNames.RefreshWindows);
        il.MarkLabel(good);
        for (int i = 0; i < _windows.Count; i++)
        {
            AccessWindow* native = WindowTable.Window(Table, i);
            Load(il, &native->NegatedStart, OpCodes.Ldind_U4, _windows[i].Start);
            Load(il, &native->Limit, OpCodes.Ldind_I8, _windows[i].Limit);
            Load(il, &native->Base, OpCodes.Ldind_I8, _windows[i].Base);
        }
    }

    private static void Load(ILGenerator il, void* address, OpCode load, LocalBuilder local)
    {
        Push(il, address);
        il.Emit(load);
        il.Emit(OpCodes.Stloc, local);
    }

    private static void Push(ILGenerator il, void* address)
    {
        il.Emit(OpCodes.Ldc_I8, (long)address);
        il.Emit(OpCodes.Conv_I);
    }
}
