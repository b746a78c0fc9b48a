using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Trace;
using Label = System.Reflection.Emit.Label;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// What the emitters of one region share: the IL stream, the locals that hold Guest state, and the exits. Guest
/// registers that the region touches live in locals for the whole method; every way out passes through one spill.
/// </summary>
internal sealed class RegionContext
{
    private readonly LocalBuilder?[] _registers = new LocalBuilder?[8];
    private readonly List<(Label Label, uint Eip, int GiveBack)> _misses = [];

    public RegionContext(ILGenerator il, RegionPlan plan, Optimisations optimisations, ushort used, ushort written)
    {
        Il = il;
        Plan = plan;
        Optimisations = optimisations;
        Used = used;
        Written = written;
        for (int i = 0; i < 8; i++)
        {
            if (((used | written) & (1 << i)) != 0)
            {
                _registers[i] = il.DeclareLocal(typeof(uint));
            }
        }

        Budget = il.DeclareLocal(typeof(long));
        ReadTable = il.DeclareLocal(typeof(ulong));
        WriteTable = il.DeclareLocal(typeof(ulong));
        Kind = il.DeclareLocal(typeof(int));
        FlagA = il.DeclareLocal(typeof(uint));
        FlagB = il.DeclareLocal(typeof(uint));
        ExitEip = il.DeclareLocal(typeof(uint));
        GiveBack = il.DeclareLocal(typeof(int));
        Address = il.DeclareLocal(typeof(uint));
        Host = il.DeclareLocal(typeof(ulong));
        Miss = il.DefineLabel();
        Refuse = il.DefineLabel();
        Left = il.DefineLabel();
        IlRecorder.NameLocals(il, this);
    }

    public ILGenerator Il { get; }

    public RegionPlan Plan { get; }

    public Optimisations Optimisations { get; }

    /// <summary>Bit n: register n is read or written somewhere in the region.</summary>
    public ushort Used { get; }

    /// <summary>Bit n: register n may differ from memory, so every exit stores it.</summary>
    public ushort Written { get; }

    public LocalBuilder Budget { get; }

    public LocalBuilder ReadTable { get; }

    public LocalBuilder WriteTable { get; }

    /// <summary>Flags: <see cref="FlagKind"/> and its two operands.</summary>
    public LocalBuilder Kind { get; }

    public LocalBuilder FlagA { get; }

    public LocalBuilder FlagB { get; }

    public LocalBuilder ExitEip { get; }

    public LocalBuilder GiveBack { get; }

    /// <summary>Scratch for the address of the access being emitted.</summary>
    public LocalBuilder Address { get; }

    /// <summary>Scratch for the Host address of the access being emitted.</summary>
    public LocalBuilder Host { get; }

    /// <summary>Leaves so that the interpreter runs the instruction at ExitEip; GiveBack instructions were not run.</summary>
    public Label Miss { get; }

    /// <summary>Leaves before a block that the budget does not cover, or because somebody asks for attention.</summary>
    public Label Refuse { get; }

    /// <summary>Returns null: everything is in memory already, eip and exit reason included.</summary>
    public Label Left { get; }

    /// <summary>What is known at this point about <see cref="Kind"/>; -1: it depends on the way we came.</summary>
    public int KnownKind { get; set; } = -1;

    /// <summary>The instruction being emitted.</summary>
    public uint CurrentEip
    {
        get;
        set
        {
            field = value;
            IlRecorder.At(Il, value);
        }
    }

    /// <summary>Instructions from the current one (inclusive) to the end of its block.</summary>
    public int Remaining { get; set; }

    public LocalBuilder Register(int number) =>
        _registers[number] ?? throw new InvalidOperationException($"Register {number} was not found by the usage analysis at 0x{CurrentEip:x}.");

    public bool Has(int number) => _registers[number] != null;

    /// <summary>A label that leaves to have the current instruction interpreted.</summary>
    public Label MissLabel()
    {
        // All accesses of one instruction leave the same way.
        if (_misses.Count > 0 && _misses[^1].Eip == CurrentEip && _misses[^1].GiveBack == Remaining)
        {
            return _misses[^1].Label;
        }

        Label label = Il.DefineLabel();
        _misses.Add((label, CurrentEip, Remaining));
        return label;
    }

    /// <summary>Emits the cold stubs behind all hot code.</summary>
    public void EmitMissStubs()
    {
        foreach ((Label label, uint eip, int giveBack) in _misses)
        {
            Il.MarkLabel(label);
            Il.Emit(OpCodes.Ldc_I4, (int)eip);
            Il.Emit(OpCodes.Stloc, ExitEip);
            Il.Emit(OpCodes.Ldc_I4, giveBack);
            Il.Emit(OpCodes.Stloc, GiveBack);
            Il.Emit(OpCodes.Br, Miss);
        }
    }

    /// <summary>Stores every register that may differ from memory, the budget, and the flags as they are held.</summary>
    public void Spill()
    {
        SpillRegisters();
        Store(MethodNames.FlagsKind, Kind);
        Store(MethodNames.FlagsA, FlagA);
        Store(MethodNames.FlagsB, FlagB);
    }

    /// <summary>The same for code of the interpreter that is called from here: flags where it looks.</summary>
    public void SpillForInterpreter()
    {
        SpillRegisters();
        SpillFlags();
        FlagsAreInMemory();
        Store(MethodNames.FlagsKind, Kind);
    }

    private void Store(int offset, LocalBuilder local)
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(offset);
        Il.Emit(OpCodes.Ldloc, local);
        Il.Emit(OpCodes.Stind_I4);
    }

    private void SpillRegisters()
    {
        for (int i = 0; i < 8; i++)
        {
            if ((Written & (1 << i)) != 0)
            {
                StoreRegisterToMemory(i);
            }
        }

        Il.Emit(OpCodes.Ldarg_0);
        Offset(MethodNames.BudgetLeft);
        Il.Emit(OpCodes.Ldloc, Budget);
        Il.Emit(OpCodes.Stind_I8);
    }

    /// <summary>Puts the flags into the CPU struct. What the locals say stays true or becomes "in memory".</summary>
    public void SpillFlags()
    {
        if (KnownKind != FlagKind.Memory)
        {
            Il.Emit(OpCodes.Ldarg_0);
            Il.Emit(OpCodes.Ldloc, Kind);
            Il.Emit(OpCodes.Ldloc, FlagA);
            Il.Emit(OpCodes.Ldloc, FlagB);
            Il.Emit(OpCodes.Call, MethodNames.Materialise);
        }
    }

    /// <summary>From here on the flags stand in memory.</summary>
    public void FlagsAreInMemory()
    {
        if (KnownKind != FlagKind.Memory)
        {
            Il.Emit(OpCodes.Ldc_I4_0);
            Il.Emit(OpCodes.Stloc, Kind);
            KnownKind = FlagKind.Memory;
        }
    }

    public void LoadRegisterFromMemory(int number)
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(number * 4);
        Il.Emit(OpCodes.Ldind_U4);
        Il.Emit(OpCodes.Stloc, Register(number));
    }

    public void StoreRegisterToMemory(int number)
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(number * 4);
        Il.Emit(OpCodes.Ldloc, Register(number));
        Il.Emit(OpCodes.Stind_I4);
    }

    /// <summary>Adds a constant to the pointer on the stack.</summary>
    public void Offset(int offset)
    {
        if (offset != 0)
        {
            Il.Emit(OpCodes.Ldc_I4, offset);
            Il.Emit(OpCodes.Add);
        }
    }

    /// <summary>cpu->Exit = reason.</summary>
    public void SetExit(Core.Execution.ExitReason reason)
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(MethodNames.Exit);
        Il.Emit(OpCodes.Ldc_I4, (int)reason);
        Il.Emit(OpCodes.Stind_I4);
    }

    /// <summary>cpu->Eip = the value of a local.</summary>
    public void SetEip(LocalBuilder value)
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(MethodNames.Eip);
        Il.Emit(OpCodes.Ldloc, value);
        Il.Emit(OpCodes.Stind_I4);
    }

    public static int RegisterNumber(Register register) => register.GetFullRegister32() - Iced.Intel.Register.EAX;
}
