using System.Reflection.Emit;
using Iced.Intel;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.FloatingPoint;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Translator.Emit;

/// <summary>
/// What the emitters of one region share: the IL stream, the locals that hold Guest state, and what is known about the
/// flags at the point of emission. Guest registers that the region touches live in locals for the whole method.
/// </summary>
internal sealed class RegionContext
{
    private const int Temporaries = 8;
    private const int DeepestFlags = 8;

    private readonly LocalBuilder?[] _registers = new LocalBuilder?[8];
    private readonly LocalBuilder?[] _lowBytes = new LocalBuilder?[4];
    private readonly bool[] _lowByteKnown = new bool[4];
    private readonly Dictionary<LocalBuilder, LocalBuilder> _snapshots = [];
    private readonly LocalBuilder?[] _temporaries = new LocalBuilder?[Temporaries];
    private int _nextTemporary;

    public RegionContext(ILGenerator il, RegionPlan plan, Optimisations optimisations, ushort used, ushort written, X87Region x87)
    {
        Il = il;
        Plan = plan;
        Optimisations = optimisations;
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
        SavedA = il.DeclareLocal(typeof(uint));
        SavedB = il.DeclareLocal(typeof(uint));
        Address = il.DeclareLocal(typeof(uint));
        Host = il.DeclareLocal(typeof(ulong));
        Bias = Host;
        Wide = il.DeclareLocal(typeof(long));
        Exits = new ExitEmitter(this);
        X87 = new X87Emitter(this, x87);
    }

    public ILGenerator Il { get; }

    public RegionPlan Plan { get; }

    public Optimisations Optimisations { get; }

    /// <summary>Bit n: register n may differ from memory, so every exit stores it.</summary>
    public ushort Written { get; }

    public LocalBuilder Budget { get; }

    public LocalBuilder ReadTable { get; }

    public LocalBuilder WriteTable { get; }

    /// <summary>Where operands of the flags are kept that have been computed.</summary>
    public LocalBuilder SavedA { get; }

    public LocalBuilder SavedB { get; }

    /// <summary>Guest address of the access being emitted.</summary>
    public LocalBuilder Address { get; }

    /// <summary>Scratch for a soft TLB entry.</summary>
    public LocalBuilder Host { get; }

    /// <summary>Scratch of 64 bits, for products and dividends.</summary>
    public LocalBuilder Wide { get; }

    /// <summary>The local that, added to <see cref="Address"/>, gives the Host address of the access being emitted.</summary>
    public LocalBuilder Bias { get; set; }

    /// <summary>The page caches in use.</summary>
    public PageCaches PageCaches { get; } = new();

    /// <summary>Misses of the page caches, to be emitted behind all hot code.</summary>
    public List<SlowPath> SlowPaths { get; } = [];

    /// <summary>The slow path for an access like this.</summary>
    public SlowPath SlowPath(PageCache cache, int size, bool write)
    {
        SlowPath? path = SlowPaths.Find(p => p.Cache == cache && p.Size == size && p.Write == write);
        if (path == null)
        {
            SlowPaths.Add(path = new SlowPath(cache, size, write));
        }

        return path;
    }

    /// <summary>The ways out.</summary>
    public ExitEmitter Exits { get; }

    /// <summary>x87 instructions, and which of them wait.</summary>
    public X87Emitter X87 { get; }

    /// <summary>Where the flags are at this point.</summary>
    public FlagState Flags { get; set; } = FlagState.Dead;

    /// <summary>Will anybody look at <see cref="Flags"/>, as they are now, after registers have been overwritten?</summary>
    public bool KeepFlags { get; set; }

    /// <summary>In this region, flags that depend on the way we came always have CF in bit 31 of their second operand.</summary>
    public bool CarryNormal { get; set; }

    /// <summary>May accesses of this block use page caches?</summary>
    public bool UsePageCaches { get; set; }

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

    /// <summary>A local of 32 bits that neither the flags nor the last few calls of this method use.</summary>
    public LocalBuilder Temporary()
    {
        for (int tries = 0; tries < Temporaries; tries++)
        {
            ref LocalBuilder? local = ref _temporaries[_nextTemporary];
            _nextTemporary = (_nextTemporary + 1) % Temporaries;
            local ??= Il.DeclareLocal(typeof(uint));
            if (!Flags.Uses(local) && Flags.Result?.Uses(local) != true)
            {
                return local;
            }
        }

        return Il.DeclareLocal(typeof(uint));
    }

    /// <summary>At the start of a block nothing is known of low bytes and pages.</summary>
    public void BeginBlock()
    {
        Array.Clear(_lowByteKnown);
        PageCaches.Changed(null);
    }

    /// <summary>The local with AL, CL, DL or BL, zero-extended, if there is a valid one.</summary>
    public LocalBuilder? LowByte(int number) => number < 4 && _lowByteKnown[number] ? _lowBytes[number] : null;

    /// <summary>The local to put AL, CL, DL or BL into; from now on it is valid. <see cref="Overwrite"/> it first.</summary>
    public LocalBuilder SetLowByte(int number)
    {
        _lowByteKnown[number] = true;
        return LowByteLocal(number);
    }

    /// <summary>The local for a low byte, valid or not.</summary>
    public LocalBuilder LowByteLocal(int number) => _lowBytes[number] ??= Il.DeclareLocal(typeof(uint));

    /// <summary>Register <paramref name="number"/> is about to change as a whole, or in a part that is not its low byte.</summary>
    public void OverwriteRegister(int number, bool lowByteStays)
    {
        Overwrite(Register(number));
        PageCaches.Changed(number);
        if (!lowByteStays && number < 4)
        {
            _lowByteKnown[number] = false;
        }
    }

    /// <summary>A local is about to change: if the flags depend on it, they depend on a copy from now on.</summary>
    public void Overwrite(LocalBuilder local)
    {
        if (!KeepFlags)
        {
            return;
        }

        if (Flags.Result?.Uses(local) == true)
        {
            Flags = Flags with { Result = null };
        }

        if (!Flags.Uses(local))
        {
            return;
        }

        if (!_snapshots.TryGetValue(local, out LocalBuilder? copy))
        {
            _snapshots.Add(local, copy = Il.DeclareLocal(typeof(uint)));
        }

        if (Flags.Uses(copy))
        {
            // An older copy is still needed.
            Flags = SaveFlags(Flags);
            return;
        }

        Il.Emit(OpCodes.Ldloc, local);
        Il.Emit(OpCodes.Stloc, copy);
        Flags = Flags.Replace(local, copy);
    }

    /// <summary>Computes the operands of the flags into the locals for them; the kind stays a constant.</summary>
    public FlagState SaveFlags(FlagState flags)
    {
        // Both are pushed before either is stored, as each may depend on what the other replaces.
        flags.A.Emit(this);
        flags.B?.Emit(this);
        if (flags.B != null)
        {
            Il.Emit(OpCodes.Stloc, SavedB);
        }

        Il.Emit(OpCodes.Stloc, SavedA);
        return new FlagState(flags.Kind, FlagExpression.Of(SavedA), flags.B == null ? null : FlagExpression.Of(SavedB), null);
    }

    /// <summary>
    /// Puts the flags into the CPU struct, as kind and operands. That is where code that is reached in several ways expects
    /// them: three stores at the end of a loop's body cost less than three registers through all of it.
    /// </summary>
    public void StoreFlags(FlagState flags)
    {
        if (flags.Kind == FlagState.Dynamic)
        {
            return;
        }

        if (flags.UsesFields)
        {
            flags = SaveFlags(flags);
        }

        StoreValue(MethodNames.FlagsA, flags.A);
        if (flags.B != null)
        {
            StoreValue(MethodNames.FlagsB, flags.B);
        }

        Store(MethodNames.FlagsKind, flags.Kind);
    }

    /// <summary>Keeps the description of the flags from growing without end, along a chain of rotates for example.</summary>
    public void BoundFlags()
    {
        if (Flags.Kind != FlagState.Unknown && Math.Max(Flags.A.Depth, Flags.B?.Depth ?? 0) > DeepestFlags)
        {
            Flags = SaveFlags(Flags);
        }
    }

    /// <summary>Puts the flags where code that is reached in several ways expects them.</summary>
    public void CanonicaliseFlags()
    {
        if (Flags.Kind == FlagState.Dynamic)
        {
            return;
        }

        FlagState stored = Flags;
        if (CarryNormal && !Flags.IsCarryNormal)
        {
            stored = new FlagState(FlagKind.Raw, Flags.RawResult(this), Flags.RawAux(this), null);
        }

        StoreFlags(stored);
        if (Flags.UsesFields)
        {
            Flags = new FlagState(stored.Kind, FlagExpression.Field(MethodNames.FlagsA), FlagExpression.Field(MethodNames.FlagsB), null);
        }
    }

    /// <summary>The state of code that is reached in several ways.</summary>
    public static FlagState CanonicalFlags() =>
        new(FlagState.Dynamic, FlagExpression.Field(MethodNames.FlagsA), FlagExpression.Field(MethodNames.FlagsB), null);

    /// <summary>The flags are what two words in the CPU struct say (a handler of the interpreter has just written them).</summary>
    public void LoadFlagsFromMemory()
    {
        Load(MethodNames.FlagsResult, OpCodes.Ldind_U4, SavedA);
        Load(MethodNames.FlagsAux, OpCodes.Ldind_U4, SavedB);
        Flags = new FlagState(FlagKind.Raw, FlagExpression.Of(SavedA), FlagExpression.Of(SavedB), null);
    }

    public void LoadRegisterFromMemory(int number) => Load(number * 4, OpCodes.Ldind_U4, Register(number));

    /// <summary>Local = a field of the CPU struct.</summary>
    public void Load(int offset, OpCode load, LocalBuilder local)
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(offset);
        Il.Emit(load);
        Il.Emit(OpCodes.Stloc, local);
    }

    /// <summary>A 32-bit field of the CPU struct = local.</summary>
    public void Store(int offset, LocalBuilder local)
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(offset);
        Il.Emit(OpCodes.Ldloc, local);
        Il.Emit(OpCodes.Stind_I4);
    }

    /// <summary>A 32-bit field of the CPU struct = value.</summary>
    public void StoreValue(int offset, FlagExpression value)
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(offset);
        value.Emit(this);
        Il.Emit(OpCodes.Stind_I4);
    }

    /// <summary>A 32-bit field of the CPU struct = constant.</summary>
    public void Store(int offset, int value)
    {
        Il.Emit(OpCodes.Ldarg_0);
        Offset(offset);
        Il.Emit(OpCodes.Ldc_I4, value);
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

    public static int RegisterNumber(Register register) => register.GetFullRegister32() - Iced.Intel.Register.EAX;
}
