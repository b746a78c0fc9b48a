using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;

namespace Lguest.Jit.Translator.Trace;

/// <summary>
/// Stands in for the IL generator of one region, passes everything on, and remembers it for a listing. Used only where
/// somebody wants to read the IL: everywhere else the emitters hold the real one.
/// </summary>
internal sealed class IlRecorder(ILGenerator inner) : ILGenerator
{
    private readonly List<IlLine> _lines = [];
    private readonly Dictionary<LocalBuilder, string> _names = [];
    private readonly List<LocalBuilder> _locals = [];

    /// <summary>What was emitted, in order.</summary>
    public IReadOnlyList<IlLine> Lines => _lines;

    /// <summary>Locals, in the order of their numbers.</summary>
    public IReadOnlyList<LocalBuilder> Locals => _locals;

    /// <inheritdoc/>
    public override int ILOffset => inner.ILOffset;

    /// <summary>What follows is emitted for the Guest instruction at <paramref name="eip"/>.</summary>
    public static void At(ILGenerator il, uint eip) => (il as IlRecorder)?._lines.Add(new IlLine(IlLineKind.Instruction, Operand: eip));

    /// <summary>What follows belongs to no instruction.</summary>
    public static void Note(ILGenerator il, string text) => (il as IlRecorder)?._lines.Add(new IlLine(IlLineKind.Note, Operand: text));

    /// <summary>What follows is block <paramref name="number"/> of the plan.</summary>
    public static void Block(ILGenerator il, int number) =>
        (il as IlRecorder)?._lines.Add(new IlLine(IlLineKind.Note, Operand: $"block {number}"));

    /// <summary>Gives a local a name.</summary>
    public static void Name(ILGenerator il, LocalBuilder? local, string name)
    {
        if (local != null && il is IlRecorder recorder)
        {
            recorder._names[local] = name;
        }
    }

    /// <summary>Names locals after the properties and fields that <paramref name="owner"/> keeps them in, and registers after themselves.</summary>
    public static void NameLocals(ILGenerator il, object owner)
    {
        if (il is not IlRecorder)
        {
            return;
        }

        string[] registers = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];
        foreach (FieldInfo field in owner.GetType().GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public))
        {
            switch (field.GetValue(owner))
            {
                case LocalBuilder local:
                    // The field behind a property "Budget" is "<Budget>k__BackingField".
                    string name = field.Name.TrimStart('<', '_').Split('>')[0];
                    Name(il, local, char.ToLowerInvariant(name[0]) + name[1..]);
                    break;
                case LocalBuilder?[] { Length: 8 } eight:
                    for (int i = 0; i < eight.Length; i++)
                    {
                        Name(il, eight[i], registers[i]);
                    }

                    break;
            }
        }
    }

    /// <summary>"budget", or "v7" for one that nobody has named.</summary>
    public string NameOf(LocalBuilder local) => _names.GetValueOrDefault(local) ?? $"v{local.LocalIndex}";

    /// <inheritdoc/>
    public override LocalBuilder DeclareLocal(Type localType, bool pinned)
    {
        LocalBuilder local = inner.DeclareLocal(localType, pinned);
        _locals.Add(local);
        return local;
    }

    /// <inheritdoc/>
    public override Label DefineLabel() => inner.DefineLabel();

    /// <inheritdoc/>
    public override void MarkLabel(Label loc)
    {
        inner.MarkLabel(loc);
        _lines.Add(new IlLine(IlLineKind.Label, Operand: loc));
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode)
    {
        inner.Emit(opcode);
        Add(opcode, null);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, byte arg)
    {
        inner.Emit(opcode, arg);
        Add(opcode, arg);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, double arg)
    {
        inner.Emit(opcode, arg);
        Add(opcode, arg);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, short arg)
    {
        inner.Emit(opcode, arg);
        Add(opcode, arg);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, int arg)
    {
        inner.Emit(opcode, arg);
        Add(opcode, arg);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, long arg)
    {
        inner.Emit(opcode, arg);
        Add(opcode, arg);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, float arg)
    {
        inner.Emit(opcode, arg);
        Add(opcode, arg);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, string str)
    {
        inner.Emit(opcode, str);
        Add(opcode, str);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, ConstructorInfo con)
    {
        inner.Emit(opcode, con);
        Add(opcode, con);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, FieldInfo field)
    {
        inner.Emit(opcode, field);
        Add(opcode, field);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, MethodInfo meth)
    {
        inner.Emit(opcode, meth);
        Add(opcode, meth);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, Type cls)
    {
        inner.Emit(opcode, cls);
        Add(opcode, cls);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, SignatureHelper signature)
    {
        inner.Emit(opcode, signature);
        Add(opcode, "signature");
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, Label label)
    {
        inner.Emit(opcode, label);
        Add(opcode, label);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, Label[] labels)
    {
        inner.Emit(opcode, labels);
        Add(opcode, labels);
    }

    /// <inheritdoc/>
    public override void Emit(OpCode opcode, LocalBuilder local)
    {
        inner.Emit(opcode, local);
        Add(opcode, local);
    }

    /// <inheritdoc/>
    public override void EmitCall(OpCode opcode, MethodInfo methodInfo, Type[]? optionalParameterTypes)
    {
        inner.EmitCall(opcode, methodInfo, optionalParameterTypes);
        Add(opcode, methodInfo);
    }

    /// <inheritdoc/>
    public override void EmitCalli(
        OpCode opcode, CallingConventions callingConvention, Type? returnType, Type[]? parameterTypes, Type[]? optionalParameterTypes)
    {
        inner.EmitCalli(opcode, callingConvention, returnType, parameterTypes, optionalParameterTypes);
        Add(opcode, Signature(returnType, parameterTypes));
    }

    /// <inheritdoc/>
    public override void EmitCalli(OpCode opcode, CallingConvention unmanagedCallConv, Type? returnType, Type[]? parameterTypes)
    {
        inner.EmitCalli(opcode, unmanagedCallConv, returnType, parameterTypes);
        Add(opcode, Signature(returnType, parameterTypes));
    }

    /// <inheritdoc/>
    public override Label BeginExceptionBlock() => inner.BeginExceptionBlock();

    /// <inheritdoc/>
    public override void EndExceptionBlock() => inner.EndExceptionBlock();

    /// <inheritdoc/>
    public override void BeginExceptFilterBlock() => inner.BeginExceptFilterBlock();

    /// <inheritdoc/>
    public override void BeginCatchBlock(Type? exceptionType) => inner.BeginCatchBlock(exceptionType!);

    /// <inheritdoc/>
    public override void BeginFaultBlock() => inner.BeginFaultBlock();

    /// <inheritdoc/>
    public override void BeginFinallyBlock() => inner.BeginFinallyBlock();

    /// <inheritdoc/>
    public override void UsingNamespace(string usingNamespace) => inner.UsingNamespace(usingNamespace);

    /// <inheritdoc/>
    public override void BeginScope() => inner.BeginScope();

    /// <inheritdoc/>
    public override void EndScope() => inner.EndScope();

    private static string Signature(Type? result, Type[]? parameters) =>
        $"{result?.Name ?? "Void"} ({string.Join(", ", (parameters ?? []).Select(static p => p.Name))})";

    private void Add(OpCode code, object? operand) => _lines.Add(new IlLine(IlLineKind.Code, code, operand));
}
